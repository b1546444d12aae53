"""Costs of a protected model: multiplications, parameters, bytes and milliseconds."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from statistics import median
from typing import NamedTuple

import torch
from torch import Tensor, nn

from ..interfaces import SplitModel, Wire, timed_ms
from .activations import count_peak_bytes
from .exchanges import Exchanged, server_macs, server_param_bytes
from .held_weights import count_weights, weight_bytes
from .macs import count_macs, counted_macs

WARM_UP_CALLS = 3
BLOCKS, BLOCK_CALLS = 5, 5
"""Timed calls are divided into blocks. The median of a block ignores single interruptions."""
MIN_TIMING_SECONDS = 0.1
"""Seconds for which short calls are repeated beyond these blocks, so that some blocks meet no other load."""
MAX_TIMING_SECONDS = 5
"""Seconds of repeated calls after which no further call is made, even if not all blocks are complete."""
BUSY_SECONDS = 1
"""Seconds for which calls are repeated on a busy machine, until enough of them were not interrupted."""
INTERRUPTED_SHARE = 0.8
"""A call was interrupted if this thread had the processor for less than this share of its time."""


@dataclass(frozen=True)
class Timing:
    """Milliseconds of repeated calls.

    Other processes make calls slower, never faster, so the fastest block is the best estimate.

    Attributes:
        ms: Milliseconds of a call: the lowest median of a block.
        spread_ms: The median over the blocks minus the lowest, which is how far a block is usually off.

    Example:
        >>> Timing.of([1.0, 1.0, 9.0, 1.5, 1.5, 1.5])
        Timing(ms=1.0, spread_ms=0.25)
    """

    ms: float
    spread_ms: float

    @classmethod
    def of(cls, calls: list[float]) -> Timing:
        """Summarize the milliseconds of calls, at least one, in their order."""
        size = -(-len(calls) // BLOCKS) if len(calls) < BLOCKS * BLOCK_CALLS else BLOCK_CALLS
        size = max(size, min(3, len(calls)))
        blocks = [median(calls[at : at + size]) for at in range(0, len(calls) - size + 1, size)]
        return cls(min(blocks), median(blocks) - min(blocks))

    def above(self, other: Timing) -> float:
        """Return the milliseconds by which this is slower than another; 0 if the difference is within the spread."""
        return self.ms - other.ms if abs(self.ms - other.ms) > max(self.spread_ms, other.spread_ms) else 0.0


@dataclass(frozen=True)
class Costs:
    """Costs of one image.

    Attributes:
        wire_bytes: Bytes from the device to the server for one image, in all rounds.
        bytes_down: Bytes from the server to the device for one image.
        client_macs: Multiply-accumulate operations on the device: of its layers and, if any, of a channel.
        client_params: Weights on the device, as ``held_weights`` defines them.
        client_ms: Milliseconds on the device at batch size 1, in all rounds.
        server_ms: Milliseconds on the server at batch size 1, in all rounds.
        rounds: Messages that the device sends for one image, each of which waits for an answer.
        client_param_bytes: Bytes of these weights.
        client_peak_bytes: Largest sum of bytes of activations that the device holds at a time.
        timing: Further milliseconds, by name; see ``measure_costs``.
        server_macs: Multiply-accumulate operations on the server. None if they are not computed by torch in this
            process, as those on ciphertexts.
        server_param_bytes: Bytes of the parameters that are not on the device.
        uncounted: Operations on the device that are missing in ``client_macs`` though they may multiply and sum.
        more_bytes_up: Bytes of ``wire_bytes`` that the device sends after the wire.
        channel_macs: Operations of ``client_macs`` that the layers on the device do not have.

    Example:
        >>> costs = Costs(wire_bytes=4096, bytes_down=40, client_macs=10**6, client_params=208, client_ms=1.5,
        ...     server_ms=0.5, rounds=1, client_param_bytes=832, client_peak_bytes=28672)
        >>> costs.rounds
        1
    """

    wire_bytes: float
    bytes_down: float
    client_macs: int
    client_params: int
    client_ms: float
    server_ms: float
    rounds: int
    client_param_bytes: int
    client_peak_bytes: int
    timing: dict[str, float] = field(default_factory=dict)
    server_macs: int | None = None
    server_param_bytes: int = 0
    uncounted: tuple[str, ...] = ()
    more_bytes_up: int = 0
    channel_macs: int = 0


def measure_costs(
    model: SplitModel, image: Tensor, undefended: SplitModel | None = None, *, wire: Wire | None = None
) -> Costs:
    """Measure the costs of a protected model on one image.

    The calls of the protected and the undefended model alternate, so that both meet the same load of the machine. Calls
    during which another process had the processor do not count, if enough others remain.

    Args:
        model: The protected model.
        image: The image, (1, C, H, W).
        undefended: The same network without a defense, cut at the same place. None compares with nothing.
        wire: What was sent for many images. Its bytes for one image are their mean. None counts those of this image.

    Returns:
        The costs. ``timing`` has ``client_spread_ms`` and, with an undefended model, ``client_undefended_ms``,
        ``client_overhead_ms``, by which the protected client is slower, and ``client_added_ms``, by which it is slower
        than its own layers. Differences within the spread of either count as 0.

    Example:
        >>> from torch import nn
        >>> import torch
        >>> model = SplitModel(client=nn.Sequential(nn.Flatten()), server=nn.Sequential(nn.Linear(64, 10)))
        >>> measure_costs(model, torch.rand(1, 1, 8, 8)).wire_bytes
        256
    """
    with torch.no_grad(), counted_macs() as counter:
        model.on_device(image)
    own_layers = undefended is not None and not _same_layers(model, undefended, image, counter.macs)
    exchanged, calls = _alternate(model, image, undefended, own_layers=own_layers)
    client_macs = max(counter.macs, exchanged.sending_macs)
    calls = _quiet(calls) or calls
    clients = Timing.of([call.client_ms for call in calls])
    timing = {"client_spread_ms": round(clients.spread_ms, 4)}
    if undefended is not None:
        plain = Timing.of([call.plain_ms for call in calls])
        timing["client_undefended_ms"] = round(plain.ms, 4)
        timing["client_overhead_ms"] = round(clients.above(plain), 4)
        layers = Timing.of([call.layers_ms for call in calls]) if own_layers else plain
        timing["client_added_ms"] = round(clients.above(layers), 4)
    return Costs(
        wire_bytes=exchanged.bytes_up if wire is None else wire.nbytes / len(wire) + exchanged.exchange.more_bytes_up,
        bytes_down=exchanged.exchange.bytes_down,
        client_macs=client_macs,
        client_params=count_weights(model.on_device),
        client_ms=clients.ms,
        server_ms=Timing.of([call.server_ms for call in calls]).ms,
        rounds=exchanged.exchange.rounds,
        client_param_bytes=weight_bytes(model.on_device),
        client_peak_bytes=max(count_peak_bytes(model.on_device, image), exchanged.sending_peak_bytes),
        timing=timing,
        server_macs=server_macs(model, exchanged, client_macs),
        server_param_bytes=server_param_bytes(model),
        uncounted=tuple(sorted(counter.unknown | exchanged.uncounted)),
        more_bytes_up=exchanged.exchange.more_bytes_up,
        channel_macs=client_macs - counter.macs,
    )


def _same_layers(model: SplitModel, undefended: SplitModel, image: Tensor, macs: int) -> bool:
    """Return whether two clients have as many operations and parameters."""
    counts = [count_weights(half.on_device) for half in (model, undefended)]
    return counts[0] == counts[1] and macs == count_macs(undefended.on_device, image)


class _Call(NamedTuple):
    """Milliseconds of a call.

    Attributes:
        client_ms: Of sending a wire, and of the client after it.
        server_ms: Of the server.
        plain_ms: Of sending without a defense.
        layers_ms: Of the layers on the device alone.
        quiet: Whether both messages were sent without an interruption by another process.
    """

    client_ms: float
    server_ms: float
    plain_ms: float
    layers_ms: float
    quiet: bool


def _quiet(calls: list[_Call]) -> list[_Call]:
    """Return the calls without an interruption; none if they are too few for the blocks."""
    quiet = [call for call in calls if call.quiet]
    return quiet if len(quiet) >= BLOCKS * BLOCK_CALLS else []


def _alternate(
    model: SplitModel, image: Tensor, undefended: SplitModel | None, *, own_layers: bool
) -> tuple[Exchanged, list[_Call]]:
    """Call both models in turn. Return the first exchange, with its operations, and the calls after the warm-up.

    Each call sends anew, since a receiver may refuse repeated messages.

    Args:
        model: The protected model.
        image: The image, (1, C, H, W).
        undefended: The undefended model.
        own_layers: Whether to time the layers on the device alone, too.
    """
    start, planned = time.perf_counter(), WARM_UP_CALLS + BLOCKS * BLOCK_CALLS
    exchanged, calls = Exchanged.of(model, image), list[_Call]()
    while True:
        plain_ms, plain_quiet = _send(undefended, image)[1:] if undefended is not None else (0.0, True)
        layers_ms = _run(model.on_device, image) if own_layers else 0.0
        wire, sending_ms, quiet = _send(model, image)
        exchange = model.exchange(wire)
        client_ms = sending_ms + exchange.client_ms
        calls.append(_Call(client_ms, exchange.server_ms, plain_ms, layers_ms, quiet and plain_quiet))
        seconds, warm = time.perf_counter() - start, calls[min(WARM_UP_CALLS, len(calls) - 1) :]
        enough = MIN_TIMING_SECONDS if _quiet(warm) else BUSY_SECONDS
        if seconds > (MAX_TIMING_SECONDS if len(calls) < planned else enough):
            return exchanged, warm


def _run(layers: nn.Module, image: Tensor) -> float:
    """Return the milliseconds of layers."""
    with timed_ms(image.device) as elapsed, torch.no_grad():
        layers(image)
    return elapsed.ms


def _send(model: SplitModel, image: Tensor) -> tuple[Wire, float, bool]:
    """Return a wire, the milliseconds that it took, and whether this thread had the processor all the time."""
    start = time.thread_time()
    with timed_ms(image.device) as elapsed:
        wire = model.send(image)
    return wire, elapsed.ms, 1000 * (time.thread_time() - start) >= INTERRUPTED_SHARE * elapsed.ms
