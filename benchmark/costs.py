"""What a protected model costs the device: multiplications, parameters, bytes and milliseconds."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from .split_model import SplitModel

WARM_UP = 3
REPEATS = 15


@dataclass(frozen=True)
class Costs:
    """Prices of one image.

    Attributes:
        wire_bytes: bytes sent for one image.
        client_macs: multiply-accumulate operations on the device.
        client_params: parameters on the device.
        client_ms: milliseconds on the device at batch size 1, median after warm-up.
        server_ms: milliseconds in the cloud, likewise.
    """

    wire_bytes: float
    client_macs: int
    client_params: int
    client_ms: float
    server_ms: float


def measure_costs(model: SplitModel, image: Tensor) -> Costs:
    """Measure the costs of a protected model on one image (1, C, H, W)."""
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model.client(image)
    wire = model.send(image)
    return Costs(
        wire_bytes=wire.nbytes / len(wire),
        client_macs=counter.get_total_flops() // 2,
        client_params=sum(parameter.numel() for parameter in model.client.parameters()),
        client_ms=_milliseconds(lambda: model.send(image), image.device),
        server_ms=_milliseconds(lambda: model.answer(wire), image.device),
    )


def _milliseconds(call: Callable[[], object], device: torch.device) -> float:
    times = []
    for _ in range(WARM_UP + REPEATS):
        start = time.perf_counter()
        call()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        times.append(1000 * (time.perf_counter() - start))
    return median(times[WARM_UP:])
