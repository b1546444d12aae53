"""How far the clean IR of a candidate is from what was received."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

Distance = Callable[[Tensor, Tensor], Tensor]
"""Misfit of clean IRs (N, ...) with wires (N, ...), (N,)."""


def squared_error(value: Tensor, sent: Tensor) -> Tensor:
    """Compute the distance of the published attack, which ignores the defense, (N,)."""
    return (value - sent).square().flatten(1).sum(1)
