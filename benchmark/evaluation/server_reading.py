"""Wires as the server reads them, where its first operations undo what a channel has done to the IR."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor, nn

from ..interfaces import Channel, SplitModel, Wire
from ..interfaces.channel import readings
from ..metrics.linear_error import linear_errors
from ..utils.isolation import isolated
from .observe import chunks
from .opaque import Opaque

SAMPLE = 128
"""Images that are sent to compare the readings, at most."""
SAMPLE_NUMBERS = 2**25
"""Numbers of the IR of these images, at most (128 MiB)."""
PLACES = 8
"""Places in the server that are tried, from its input on."""
CHANGED = 1e-2
"""Squared error, relative to the variance among images, from which a wire is not what the channel describes."""
UNDONE = 1e-4
"""The same, up to which values are the same for an attack: its signal is then 40 dB above the rest."""
ROUNDED = 1e-10
"""The same, up to which values differ by rounding alone."""


class _Reached(Exception):
    """Ends the computation of a server."""


def values_in(server: nn.Module, value: Tensor, count: int = PLACES) -> list[Tensor]:
    """Return the first values that the parts of a server are given and return, in the order of their computation.

    Args:
        server: The server.
        value: Its input, (N, ...).
        count: How many different values to return, at most.

    Example:
        >>> [tuple(each.shape) for each in values_in(nn.Sequential(nn.Flatten(), nn.Linear(4, 3)), torch.ones(1, 2, 2))]
        [(1, 2, 2), (1, 4), (1, 3)]
    """
    found: list[Tensor] = []

    def keep(given: object) -> None:
        if not isinstance(given, Tensor) or any(given is each for each in found):
            return
        if given.is_floating_point() and given.dim() > 1 and len(given) == len(value):
            found.append(given)
            if len(found) == count:
                raise _Reached

    parts = [part for part in server.modules() if part is not server]
    hooks = [part.register_forward_pre_hook(lambda _, given: keep(given[0] if given else None)) for part in parts]
    hooks += [part.register_forward_hook(lambda _, given, answer: keep(answer)) for part in parts]
    try:
        server(value)
    except _Reached:
        pass
    finally:
        for hook in hooks:
            hook.remove()
    return found


class ServerReading(Channel):
    """Apply a channel, and then the first operations of the server.

    Example:
        >>> reading = ServerReading(Channel(), nn.Sequential(nn.ReLU()), 1, clean_first=True)
        >>> reading(torch.tensor([[-1.0, 2.0]]))
        tensor([[0., 2.]])
    """

    def __init__(self, channel: Channel, server: nn.Module, place: int, *, clean_first: bool) -> None:
        """Take what is applied.

        Args:
            channel: The channel.
            server: The server.
            place: The place of the value among those of ``values_in``.
            clean_first: Whether the clean value of the channel leads to the same value. If not, the IR is the value.
        """
        super().__init__()
        self.channel, self.clean_first = channel, clean_first
        self._computed = Opaque(lambda given: values_in(server, given, place + 1)[place])  # attacks get no weights

    def clean(self, value: Tensor) -> Tensor:
        """Return what the server computes if the channel does nothing at random, for an IR (N, ...)."""
        return self._computed(self.channel.clean(value)) if self.clean_first else value

    def forward(self, value: Tensor) -> Tensor:
        """Return what the server computes of what the channel sends, for an IR (N, ...)."""
        return self.computed(Wire(self.channel(value)))

    def computed(self, wire: Wire) -> Tensor:
        """Return what the server computes of a wire, (N, ...)."""
        return self._computed(_given(self.channel, wire))


def as_server_reads(model: SplitModel, wire: Wire, images: Tensor, *, identity: object) -> tuple[SplitModel, Wire]:
    """Return a model and its wire as the server reads them, if that tells an attacker more than what is sent.

    A server that keeps its accuracy undoes what a channel does to the IR, such as random signs, gains or rotations. The
    attacker runs the server, so it can do the same, however little it learns of the wire itself. The values are those
    of the first place in the server that are the same for two wires of an image, while these differ from each other or
    from what the channel describes, and from which a linear decoder rebuilds images better.

    Args:
        model: The protected model.
        wire: What the adversary saw of the private images.
        images: Images of the attacker, (K, C, H, W).
        identity: The value that determines the random stream.

    Returns:
        A model whose wires are these values, and the values of the wire. The model and the wire themselves if the
        server undoes nothing, or computes on something else than what is sent.
    """
    with isolated("server reading", identity), torch.no_grad():
        found = _reading(model.copy(), images)
    if found is None:
        return model, wire
    with torch.no_grad():
        parts = [
            found.computed(replace(wire, payload=wire.payload[at : at + SAMPLE])) for at in range(0, len(wire), SAMPLE)
        ]
    return replace(model, ir_channel=found), Wire(torch.cat(parts))


def _reading(model: SplitModel, images: Tensor) -> ServerReading | None:
    channel = model.ir_channel
    if not _is_plain(model) or (type(channel).forward is Channel.forward and not channel.stochastic):
        return None
    one = model.client(model.input_channel.clean(images[:1]))
    some = images[: max(2, min(SAMPLE, SAMPLE_NUMBERS // one.numel()))]
    if len(some) < 2:
        return None
    ir = torch.cat([model.client(model.input_channel(part)) for part in chunks(some)])
    first, second = (Wire(channel(ir.clone())) for _ in range(2))
    given, again, clean = _given(channel, first), _given(channel, second), channel.clean(ir)
    if not _numbers(given).isfinite().all() or max(_error(again, given), _error(clean, given)) < CHANGED:
        return None
    values, others = _values(model.server, given), _values(model.server, again)
    told = linear_errors(some, [read(first) for read in readings(channel)])
    for place, (value, other) in enumerate(zip(values, others, strict=False)):
        if _error(other, value) > UNDONE:
            continue
        from_clean = _values(model.server, clean, place + 1)[place:]
        clean_first = bool(from_clean) and _error(from_clean[0], value) < UNDONE
        described = clean_first or _error(ir, value) < UNDONE
        if not (described or channel.stochastic) or linear_errors(some, [_numbers(value)])[0] >= min(told):
            continue
        reading = ServerReading(channel, model.server, place, clean_first=clean_first)
        reading.published = channel.published and described
        reading.stochastic = channel.stochastic and _error(other, value) > ROUNDED
        return reading
    return None


def _is_plain(model: SplitModel) -> bool:
    """Return whether the server is given what is sent, and nothing else."""
    own = (getattr(type(model), name) is getattr(SplitModel, name) for name in ("send", "overheard", "exchange"))
    return all(own) and not model.promise.secrecy


def _given(channel: Channel, wire: Wire) -> Tensor:
    """Return what the server is given for a wire."""
    return wire.payload if isinstance(wire.payload, Tensor) else channel.read(wire)


def _values(server: nn.Module, value: Tensor, count: int = PLACES) -> list[Tensor]:
    """Return the first values in a server. There are none if it does not take the value."""
    try:
        return values_in(server, value, count)
    except Exception:  # whatever a server raises that is given what it does not expect
        return []


def _error(values: Tensor, expected: Tensor) -> float:
    """Return the squared error of values (K, ...), relative to the variance of the expected ones among images."""
    here, there = (_numbers(each) for each in (values, expected))
    if here.shape != there.shape:
        return float("inf")
    variance, error = there.var(0).sum().item(), (here - there).square().sum().item() / len(there)
    return error / variance if variance else float("inf")


def _numbers(values: Tensor) -> Tensor:
    """Return values of any type as numbers, in float64."""
    return (torch.view_as_real(values) if values.is_complex() else values).double()
