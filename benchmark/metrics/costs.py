"""Costs of a protected model: multiplications, parameters, bytes and milliseconds."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import TypeVar

from torch import Tensor

from ..interfaces import Exchange, SplitModel, Wire, timed_ms
from .macs import count_macs

Result = TypeVar("Result")
WARM_UP_CALLS = 3
TIMED_CALLS = 15
MAX_TIMING_SECONDS = 5
"""Seconds of repeated calls after which no further call is made, even if fewer than ``TIMED_CALLS`` are done."""


@dataclass(frozen=True)
class Costs:
    """Costs of one image.

    Attributes:
        wire_bytes: Bytes from the device to the server for one image, in all rounds.
        bytes_down: Bytes from the server to the device for one image.
        client_macs: Multiply-accumulate operations on the device.
        client_params: Parameters on the device.
        client_ms: Milliseconds on the device at batch size 1, in all rounds. Median of calls after a warm-up.
        server_ms: Milliseconds on the server at batch size 1, in all rounds. Median of calls after a warm-up.

    Example:
        >>> Costs(wire_bytes=4096, bytes_down=40, client_macs=10**6, client_params=208, client_ms=1.5, server_ms=0.5)
        Costs(wire_bytes=4096, bytes_down=40, client_macs=1000000, client_params=208, client_ms=1.5, server_ms=0.5)
    """

    wire_bytes: float
    bytes_down: float
    client_macs: int
    client_params: int
    client_ms: float
    server_ms: float


def measure_costs(model: SplitModel, image: Tensor) -> Costs:
    """Measure the costs of a protected model on one image (1, C, H, W)."""
    wires, sending, exchanges = zip(*_repeat(lambda: _round_trip(model, image)), strict=True)
    return Costs(
        wire_bytes=wires[-1].nbytes + exchanges[-1].more_bytes_up,
        bytes_down=exchanges[-1].bytes_down,
        client_macs=count_macs(model.on_device, image),
        client_params=sum(parameter.numel() for parameter in model.on_device.parameters()),
        client_ms=median(sending) + median(each.client_ms for each in exchanges),
        server_ms=median(each.server_ms for each in exchanges),
    )


def _round_trip(model: SplitModel, image: Tensor) -> tuple[Wire, float, Exchange]:
    """Send an image and let the server answer. Each call sends anew, since a receiver may refuse repeated messages.

    Returns:
        The wire, the milliseconds of sending it, and the exchange that follows.
    """
    with timed_ms(image.device) as elapsed:
        wire = model.send(image)
    return wire, elapsed.ms, model.exchange(wire)


def _repeat(call: Callable[[], Result]) -> list[Result]:
    """Call a function repeatedly and return the results after the warm-up, at least one."""
    results, start = [], time.perf_counter()
    calls = WARM_UP_CALLS + TIMED_CALLS
    while len(results) < calls and (len(results) < 2 or time.perf_counter() - start < MAX_TIMING_SECONDS):
        results.append(call())
    return results[min(WARM_UP_CALLS, len(results) - 1) :]
