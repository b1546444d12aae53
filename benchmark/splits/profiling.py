"""Time layers on this device, for the profile of a device."""

from __future__ import annotations

import platform
import time
from functools import partial
from statistics import median

import torch
from torch import Tensor, nn

from ..metrics.activations import count_activations
from ..metrics.macs import count_macs
from ..utils.isolation import reproducible_state

BLOCKS, CALLS = 5, 5
CLOCK = "thread_time" if time.get_clock_info("thread_time").resolution < 1e-5 else "perf_counter"
"""The clock of this thread, which stands still while another process has the core, unless it is a coarse one."""
IMAGE = (1, 64, 32, 32)
LAYERS = 24
"""Layers of the networks that show what an operation costs beside its multiplications."""


def _layers() -> dict[str, tuple[nn.Module, Tensor]]:
    return {
        "convolution": (nn.Conv2d(64, 64, 3, padding=1), torch.zeros(IMAGE)),
        "pointwise_convolution": (nn.Conv2d(64, 64, 1), torch.zeros(IMAGE)),
        "depthwise_convolution": (nn.Conv2d(64, 64, 3, padding=1, groups=64), torch.zeros(IMAGE)),
        "attention": (nn.TransformerEncoderLayer(192, 3, 768, batch_first=True), torch.zeros(1, 197, 192)),
        "linear": (nn.Linear(4096, 4096), torch.zeros(1, 4096)),
    }


def _tiny_network() -> tuple[nn.Module, Tensor]:
    """Return convolutions of all types, normalizations and activation functions that hardly compute anything."""
    kinds = (partial(nn.Conv2d, 16, 16, 1), partial(nn.Conv2d, 16, 16, 3, padding=1, groups=16))
    layers = [each for place in range(LAYERS) for each in (kinds[place % 3 == 2](), nn.BatchNorm2d(16), nn.ReLU())]
    return nn.Sequential(*layers), torch.zeros(1, 16, 2, 2)


def _copying_network() -> tuple[nn.Module, Tensor]:
    """Return layers without multiplications, which read and write large maps."""
    layers = [each for _ in range(LAYERS) for each in (nn.BatchNorm2d(64), nn.Hardswish())]
    return nn.Sequential(*layers), torch.zeros(1, 64, 56, 56)


@reproducible_state()
def measured_profile() -> str:
    """Time layers of several types on one core, and return a profile of this device, as TOML.

    The speed is that of a convolution, and there is one for each type of layer. The rate of memory is that of a large
    linear layer, which reads its weights once at batch size 1. The start of an operation is timed in a network of tiny
    layers, and the rate of activations in one without multiplications. The energy of an operation cannot be measured in
    this way and is left out.
    """
    seconds = {name: _seconds(layer.eval(), value) for name, (layer, value) in _layers().items()}
    speeds = {name: count_macs(layer, value) / seconds[name] / 1e9 for name, (layer, value) in _layers().items()}
    weights = 4 * 4096 * 4097
    by_layer = "".join(f"{name} = {speed:.4g}\n" for name, speed in speeds.items())
    tiny, copying = ((network.eval(), value) for network, value in (_tiny_network(), _copying_network()))
    started = _seconds(*tiny) / count_activations(*tiny).operations
    passes = count_activations(*copying)
    moving = max(1e-9, _seconds(*copying) - started * passes.operations)
    return (
        f"gmacs_per_s = {speeds['convolution']:.4g}\n"
        f"memory_gbyte_per_s = {weights / seconds['linear'] / 1e9:.4g}\n"
        f"us_per_operation = {1e6 * started:.4g}\n"
        f"activation_gbyte_per_s = {passes.moved_bytes / moving / 1e9:.4g}\n"
        f'source = "Measured on one core ({platform.machine()}) with torch {torch.__version__}"\n'
        f"\n[gmacs_per_s_by_layer]\n{by_layer}"
    )


@torch.no_grad()
def _seconds(layer: nn.Module, value: Tensor) -> float:
    """Return the lowest median of some blocks of calls."""
    clock = getattr(time, CLOCK)
    layer(value)
    blocks = []
    for _ in range(BLOCKS):
        times = []
        for _ in range(CALLS):
            start = clock()
            layer(value)
            times.append(clock() - start)
        blocks.append(median(times))
    return min(blocks)
