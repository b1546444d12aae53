"""How large the numbers of an IR are."""

from __future__ import annotations

from torch import Tensor

LEAST_SHARE = 1e-6
"""Least standard deviation, as a share of the largest number: smaller ones are rounding errors of equal numbers."""
OF_ZEROS = 1e-6
"""Standard deviation that zeros count as, so that noise in units of it exists."""


def deviation(values: Tensor, *, correction: int = 1) -> Tensor:
    """Return the standard deviation of all numbers of a tensor, a scalar. It is 0 for a single number.

    Args:
        values: The numbers.
        correction: What is subtracted from the count of the numbers: 1 if they are a sample of what the deviation is
            estimated of, 0 if they are all that there is.

    Example:
        >>> import torch
        >>> deviation(torch.tensor([1.0, 3.0])), deviation(torch.tensor([5.0]))
        (tensor(1.4142), tensor(0.))
    """
    return values.std(correction=min(correction, values.numel() - 1))


def unit_of(irs: Tensor, *, correction: int = 1) -> float:
    """Return the standard deviation of IRs (N, ...), in which noise is measured. It is above 0, also for equal numbers.

    Example:
        >>> import torch
        >>> unit_of(torch.tensor([[1.0], [2.0], [3.0]])), unit_of(torch.zeros(2, 1))
        (1.0, 1e-06)
    """
    return max(deviation(irs, correction=correction).item(), LEAST_SHARE * irs.abs().max().item()) or OF_ZEROS
