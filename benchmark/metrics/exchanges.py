"""One image that is sent and answered, with the operations of both sides."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..interfaces import Exchange, SplitModel, Wire
from .activations import count_peak_bytes
from .held_weights import held_weights
from .macs import counted_macs


@dataclass(frozen=True)
class Exchanged:
    """One image that was sent and answered.

    Attributes:
        wire: What was sent.
        exchange: What happened after it.
        sending_macs: Multiply-accumulate operations until the wire was sent.
        answering_macs: Those after it, on the server and on the device.
        sending_peak_bytes: Bytes of activations that are alive at the same time, at most, until the wire was sent.
        uncounted: Operations until then that are not counted though they may multiply and sum.

    Example:
        >>> import torch
        >>> model = SplitModel(client=nn.Sequential(nn.Flatten()), server=nn.Sequential(nn.Linear(64, 10)))
        >>> Exchanged.of(model, torch.rand(1, 1, 8, 8)).answering_macs
        640
    """

    wire: Wire
    exchange: Exchange
    sending_macs: int
    answering_macs: int
    sending_peak_bytes: int
    uncounted: frozenset[str]

    @classmethod
    def of(cls, model: SplitModel, image: Tensor) -> Exchanged:
        """Send an image, (1, C, H, W), and answer it."""
        sent, with_gradients = list[Wire](), torch.is_grad_enabled()

        def send(images: Tensor) -> object:
            with torch.set_grad_enabled(with_gradients):
                sent.append(model.send(images))
            return sent[0].payload

        with counted_macs() as sending:  # of one message, since a receiver may expect each that is sent
            peak = count_peak_bytes(send, image)
        with counted_macs() as answering:
            exchange = model.exchange(sent[0])
        return cls(sent[0], exchange, sending.macs, answering.macs, peak, frozenset(sending.unknown))

    @property
    def bytes_up(self) -> float:
        """Bytes from the device to the server, in all rounds."""
        return self.wire.nbytes + self.exchange.more_bytes_up


def server_macs(model: SplitModel, exchanged: Exchanged, client_macs: int) -> int | None:
    """Return the multiply-accumulate operations of the server for one image.

    Args:
        model: The protected model.
        exchanged: An image that it has sent and answered.
        client_macs: Operations on the device, some of which may run after the answer of the server.

    Returns:
        The operations. None if none were seen though the server has weights, as if it computes on ciphertexts.

    Example:
        >>> import torch
        >>> model = SplitModel(client=nn.Sequential(nn.Flatten()), server=nn.Sequential(nn.Linear(64, 10)))
        >>> server_macs(model, Exchanged.of(model, torch.rand(1, 1, 8, 8)), 0)
        640
    """
    after_answer = max(0, client_macs - exchanged.sending_macs)
    found = max(0, exchanged.answering_macs - after_answer)
    return found if found or not server_param_bytes(model) else None


def server_param_bytes(model: SplitModel) -> int:
    """Return the bytes of the parameters of client and server that are not on the device.

    Example:
        >>> model = SplitModel(client=nn.Sequential(nn.Flatten()), server=nn.Sequential(nn.Linear(64, 10)))
        >>> server_param_bytes(model)
        2600
    """
    here, everywhere = map(held_weights, (model.on_device, nn.ModuleList([model.client, model.server])))
    return sum(everywhere[each].nbytes for each in everywhere.keys() - here.keys())
