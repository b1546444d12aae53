"""How much an attack may compute, so that expensive networks are attacked in minutes."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from ..benchmark.training import SMALLEST_BATCH

MACS = 1e12
"""Multiply-accumulate operations spent on sending images through a network: about a minute of one core."""
FEWEST = 1000
"""Images that may be sent whatever they cost."""


def affordable(call: Callable[[Tensor], object], images: Tensor) -> int:
    """How many images a network may be given, at least ``FEWEST``; LeNet-5 never reaches the limit.

    Args:
        call: the network.
        images: some images (K, C, H, W), on which its operations are counted.
    """
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        call(images)
    each = counter.get_total_flops() / 2 / len(images)
    return max(FEWEST, int(MACS / max(each, 1.0)))


def least_steps(wanted: int, *, passes: int, most: int, allowed: int | None = None) -> int:
    """How many steps each pass over an attacker's images has at least, however few these are.

    Args:
        wanted: steps of a pass, by the attack's recipe.
        passes: over the images.
        most: steps in all that the user allows.
        allowed: images that may be sent in all, if each step sends its own.
    """
    most = most if allowed is None else min(most, allowed // SMALLEST_BATCH)
    return max(1, min(wanted, most // passes))
