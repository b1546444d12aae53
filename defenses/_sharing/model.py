"""A split model whose device sends shares to two servers."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import cast

import numpy as np
import torch
from torch import Tensor

from ...benchmark.interfaces import Channel, Exchange, SplitModel, Wire
from ...benchmark.metrics import accuracy
from .._deviation import deviation
from .._encrypted import as_values, clear_logits, logit_errors
from .ring import Ring, decode
from .session import Session


@dataclass(frozen=True)
class ShareView:
    """Reads byte strings of shares as numbers, as a server can.

    Attributes:
        shape: Shape of one value.
        bits: Fractional bits.
        both: Whether each byte string holds both shares, one after the other.
    """

    shape: tuple[int, ...]
    bits: int
    both: bool

    def __call__(self, messages: tuple[bytes, ...]) -> Tensor:
        """Return the values that both shares reveal, or one share in units of the ring, in [0, 1), (N, ...)."""
        numbers = unpack(messages, self.shape)  # (shares, N, ...)
        if self.both:
            return torch.from_numpy(decode(numbers[0] + numbers[1], self.bits)).float()
        return torch.from_numpy(numbers[0] / 2.0**64).float()


def unpack(messages: tuple[bytes, ...], shape: tuple[int, ...]) -> Ring:
    """Return the shares in N messages, (1 or 2, N, *shape)."""
    joined = np.frombuffer(b"".join(messages), dtype=np.uint64)
    return joined.reshape(len(messages), -1, *shape).swapaxes(0, 1)


def pack(*shares: Ring) -> tuple[bytes, ...]:
    """Return one message for each of N values, which holds the shares (N, ...), one after the other."""
    return tuple(b"".join(parts) for parts in zip(*([one.tobytes() for one in each] for each in shares), strict=True))


class ShareChannel(Channel):
    """The channel of shared values: one share says nothing about the clean value, and both say everything."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, sample: Tensor, *, both: bool) -> None:
        """Publish the mean and standard deviation of clean values (N, ...)."""
        super().__init__()
        self.both = both
        self.stochastic = not both
        self.register_buffer("mean", sample.mean())
        self.register_buffer("deviation", deviation(sample))

    def read(self, wire: Wire) -> Tensor:
        """Return the values, (N, ...), or one share, scaled to the mean and deviation of clean values."""
        if isinstance(wire.payload, Tensor) or self.both:  # A tensor is an imitation by an attacker.
            return wire.tensor.to(self.mean.device)
        return as_values(wire.tensor.to(self.mean.device) - 0.5, mean=self.mean, deviation=self.deviation)


@dataclass(frozen=True, kw_only=True)
class SharedModel(SplitModel):
    """A split model that communicates in shares with two servers.

    Attributes:
        session: The device's end, and the processes of both servers.
        shape: Shape of one IR.
        collude: Whether the adversary sees both shares.
    """

    session: Session = field(repr=False)
    shape: tuple[int, ...]
    collude: bool

    @property
    def stochastic(self) -> bool:
        """Whether sending is random: always True, since shares are new each time."""
        return True

    def send(self, images: Tensor) -> Wire:
        """Share the IR of each image (N, C, H, W). An entry holds the share for each server, 16 bytes per number."""
        return Wire(pack(*self._shares(images)), ShareView(self.shape, self.session.bits, both=False))

    def overheard(self, images: Tensor) -> Wire:
        """Return what one server is sent, or both of them if they collude."""
        first, second = self._shares(images)
        seen = (first, second) if self.collude else (second,)
        return Wire(pack(*seen), ShareView(self.shape, self.session.bits, both=self.collude))

    def exchange(self, wire: Wire) -> Exchange:
        """Have both servers compute on their shares, and add their replies, in all rounds."""
        first, second = unpack(cast(tuple[bytes, ...], wire.payload), self.session.shape)
        return self._done(self.session.finish((first, second)))

    def classify(self, images: Tensor) -> Tensor:
        """Return logits (N, outputs) for a batch of images (N, C, H, W)."""
        return self._done(self.session.finish(self._shares(images))).logits

    def details(self, images: Tensor, labels: Tensor, logits: Tensor) -> dict[str, float]:
        """Compare the logits with those of the same network in floating point.

        Args:
            images: Images that were classified, (N, C, H, W).
            labels: Their classes, (N,), or labels of another task, (N, outputs).
            logits: Their logits from shares, (N, outputs).
        """
        clear = clear_logits(self, images)
        found = logit_errors(clear, logits)
        if labels.dim() == 1 and not labels.is_floating_point():
            found["accuracy_clear"] = accuracy(clear, labels)
            found["argmax_agreement"] = (clear.argmax(1) == logits.argmax(1)).float().mean().item()
        return found

    def _shares(self, images: Tensor) -> tuple[Ring, Ring]:
        with torch.no_grad():
            return self.session.share(0, self.client(self.input_channel(images)))

    def _done(self, done: Exchange) -> Exchange:
        return replace(done, logits=done.logits.to(self.device))
