"""Noise in floating point without the low bits that tell what is under it."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

STEPS_PER_SIGMA = 256
"""Steps of the grid in one standard deviation, at least: rounding adds a variance of at most sigma^2 / 786,432."""
FINEST_STEPS = 2**20
"""Steps of a grid in the deviation of noisy values, below which it is taken for that of floating-point numbers."""
LEAST_STEP = 1e-30
"""Deviation that is taken for coordinates whose values are all the same."""
MANTISSA = 2**24
"""Whole numbers from here on are multiples of their last bit in float32, so a larger number of steps stays as it is."""


def drop_low_bits(noisy: Tensor, sigma: float | Tensor) -> Tensor:
    """Round values with noise to a grid that is fine for the noise and coarse for floating-point numbers.

    The last bits of a sum in floating point follow from both of its terms. However strong the noise is, they exclude
    nearly all values but the one under it. A channel that adds noise sends what this function returns, so that the
    density of the noise says what the wire tells.

    Args:
        noisy: Values with noise, (N, ...).
        sigma: Standard deviation of the noise, in units of the values; a tensor that broadcasts to one value if it
            differs between coordinates.

    Returns:
        Multiples of the largest power of two that is at most ``sigma`` / 256, (N, ...). The gradient is that of
        ``noisy``.

    Example:
        >>> drop_low_bits(torch.tensor([0.123456789]), 0.5)
        tensor([0.1230])

    Source: Mironov, CCS 2012, "On significance of the least significant bits for differential privacy".
    """
    if isinstance(sigma, Tensor):
        step = (sigma.detach() / STEPS_PER_SIGMA).log2().floor().exp2().to(noisy.dtype)
    else:
        step = 2.0 ** math.floor(math.log2(max(sigma / STEPS_PER_SIGMA, math.ulp(0.0))))
    if not (noisy.requires_grad and torch.is_grad_enabled()):
        return _rounded(noisy, step)
    with_gradient: Any = _Rounded.apply(noisy, step)
    return with_gradient


def has_low_bits(noisy: Tensor) -> bool:
    """Return whether values with noise are multiples of no step that is far coarser than floating-point numbers.

    Args:
        noisy: Values with noise, (N, ...).

    Example:
        >>> noisy = torch.randn(8, 100)
        >>> has_low_bits(noisy), has_low_bits(drop_low_bits(noisy, 1.0))
        (True, False)
    """
    values = noisy.detach().flatten(1).double()
    step = values.std(0).clamp(min=LEAST_STEP) / FINEST_STEPS if len(values) > 1 else values.std() / FINEST_STEPS
    steps = values / step.log2().floor().exp2()
    return bool((steps != steps.round()).any())


def _rounded(noisy: Tensor, step: Tensor | float) -> Tensor:
    steps = noisy / step
    return torch.where(steps.abs() < MANTISSA, steps.round() * step, noisy) + 0.0  # -0.0 tells a sign


class _Rounded(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, noisy: Tensor, step: Tensor | float) -> Tensor:
        return _rounded(noisy, step)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return gradients[0], None
