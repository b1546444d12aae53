"""The standard deviation of the numbers of a tensor."""

from __future__ import annotations

from torch import Tensor


def deviation(values: Tensor) -> Tensor:
    """Return the standard deviation of all numbers of a tensor, a scalar. It is 0 for a single number.

    Example:
        >>> import torch
        >>> deviation(torch.tensor([1.0, 3.0])), deviation(torch.tensor([5.0]))
        (tensor(1.4142), tensor(0.))
    """
    return values.std(correction=int(values.numel() > 1))
