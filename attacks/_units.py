"""The smallest units in which misfits are measured, for wires whose numbers are from about 1e-12 to 1e18.

Squares of smaller and larger ones leave the range of single precision, so that a search ends at its start.
"""

from __future__ import annotations

from torch import Tensor

TINY = 1e-25
"""Squared length that a wire has at least, so that nothing is divided by 0 behind a client that sends zeros."""
LEAST_ERROR = 1e-4
"""Squared error (40 dB) that is added to that of an image before its logarithm is taken, so that those that are nearly
exact do not dominate."""


def least_unit(wires: Tensor, share: float) -> Tensor:
    """Return the smallest unit of a squared misfit with each of the wires (N, ...), (N,).

    It is a share of the squared length of the wire, above the rounding errors of a misfit, and at most ``share``.

    Example:
        >>> import torch
        >>> least_unit(torch.tensor([[3.0, 4.0], [0.0, 0.1]]), 0.5)
        tensor([0.5000, 0.0050])
    """
    return share * wires.flatten(1).square().sum(1).clamp(min=TINY, max=1.0)


def least_mean_unit(wires: Tensor, share: float) -> float:
    """Return the smallest unit of a mean of squared misfits with the wires (N, ...).

    Example:
        >>> import torch
        >>> least_mean_unit(torch.tensor([[3.0, 4.0]]), 1e-12)
        1e-12
    """
    return share * least_unit(wires, 1.0).mean().item()
