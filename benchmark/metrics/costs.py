"""What a protected model costs the device: multiplications, parameters, bytes and milliseconds."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import TypeVar

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from ..interfaces import Exchange, SplitModel, Wire

Result = TypeVar("Result")
WARM_UP = 3
REPEATS = 15
ENOUGH_SECONDS = 5
"""When this much has been spent on repeating a call, fewer repeats do."""


@dataclass(frozen=True)
class Costs:
    """Prices of one image.

    Attributes:
        wire_bytes: bytes sent up for one image, in all rounds.
        bytes_down: bytes sent back for one image.
        client_macs: multiply-accumulate operations on the device.
        client_params: parameters on the device.
        client_ms: milliseconds on the device at batch size 1, before and after the server's, median after warm-up.
        server_ms: milliseconds in the cloud, likewise.
    """

    wire_bytes: float
    bytes_down: float
    client_macs: int
    client_params: int
    client_ms: float
    server_ms: float


def measure_costs(model: SplitModel, image: Tensor) -> Costs:
    """Measure the costs of a protected model on one image (1, C, H, W)."""
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model.on_device(image)
    wires, sending, exchanges = zip(*_repeat(lambda: _round_trip(model, image)), strict=True)
    return Costs(
        wire_bytes=wires[-1].nbytes + exchanges[-1].more_bytes_up,
        bytes_down=exchanges[-1].bytes_down,
        client_macs=counter.get_total_flops() // 2,
        client_params=sum(parameter.numel() for parameter in model.on_device.parameters()),
        client_ms=median(sending) + median(each.client_ms for each in exchanges),
        server_ms=median(each.server_ms for each in exchanges),
    )


def _round_trip(model: SplitModel, image: Tensor) -> tuple[Wire, float, Exchange]:
    """A wire, the milliseconds of sending it, and what follows; sent anew, since receivers may refuse a repetition."""
    start = time.perf_counter()
    wire = model.send(image)
    if image.is_cuda:
        torch.cuda.synchronize(image.device)
    milliseconds = 1000 * (time.perf_counter() - start)
    return wire, milliseconds, model.exchange(wire)


def _repeat(call: Callable[[], Result]) -> list[Result]:
    """What some repetitions give after warm-up; at least one."""
    results, start = [], time.perf_counter()
    while len(results) < WARM_UP + REPEATS and (len(results) < 2 or time.perf_counter() - start < ENOUGH_SECONDS):
        results.append(call())
    return results[min(WARM_UP, len(results) - 1) :]
