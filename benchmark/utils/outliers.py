"""Rare huge errors of a random wire, such as flipped bits, which hide everything else in it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

USUAL = 0.99
"""Share of the images whose deviation, the smaller one of both times, is usual."""
FAR = 4.0
"""By how much an outlier exceeds the usual deviation. For Gaussian noise it is seven standard deviations."""
LEAST_SHARE = 0.2
"""Share of the squared deviations that outliers must have together to be replaced. From 64 images on, it is at most
0.02 for Laplacian noise and 0.12 for exponential noise."""


@dataclass(frozen=True)
class UsualRange:
    """The range in which the numbers of a wire usually lie.

    Attributes:
        center: The median of each number, (...).
        limit: How far a number may be from it, (...).

    Example:
        >>> UsualRange(torch.zeros(2), torch.ones(2)).replace(torch.tensor([[0.5, 1e6]]))
        tensor([[0.5000, 0.0000]])
    """

    center: Tensor
    limit: Tensor

    def outside(self, wires: Tensor) -> Tensor:
        """Return which numbers of wires (N, ...) are outliers, (N, ...)."""
        return (wires - self.center).abs() > self.limit

    def replace(self, wires: Tensor) -> Tensor:
        """Return wires (N, ...) with the median in place of each outlier."""
        return torch.where(self.outside(wires), self.center, wires)


def range_without_outliers(wires: Tensor, again: Tensor) -> UsualRange | None:
    """Return the usual range of wires if random outliers make up much of their squared deviations, else None.

    Heavy tails that come from the images appear again when these are sent again, and are left as they are.

    Args:
        wires: What was sent for some images, (K, ...). From 64 on, usual noise is not mistaken for outliers.
        again: What was sent for the same images another time, (K, ...).

    Example:
        >>> wires = torch.rand(64, 100)
        >>> range_without_outliers(wires, torch.rand(64, 100)) is None
        True
        >>> wires[3, 5] = 1e6
        >>> usual = range_without_outliers(wires, torch.rand(64, 100))
        >>> usual.replace(wires).max() < 1
        tensor(True)
    """
    center = wires.median(0).values
    deviations = (wires - center).abs()
    repeated = torch.minimum(deviations, (again - center).abs())
    usual = repeated.topk(math.ceil((1 - USUAL) * len(wires)) + 1, dim=0).values[-1]
    varying = usual[usual > 0]
    if not len(varying):
        return None
    found = UsualRange(center, FAR * usual.clamp(min=varying.median()))
    energy = deviations.double().square()
    once = found.outside(wires) & ~found.outside(again)
    return found if energy[once].sum() > LEAST_SHARE * energy.sum() else None
