"""A channel that clips, rounds to a grid and adds integer noise. Its promise holds for the bits that are sent."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from .noise_channel import NORM_ORDER, NoiseChannel
from .rounded_noise import STEPS_PER_SIGMA, Noise, Randomness, sample

ROUNDING_MARGIN = 1 / 64
"""Values this close below a point of the grid, in steps, are rounded up to it, so rounding twice changes nothing."""
NORM_MARGIN = 1e-9
"""Relative distance of the clipping norm from the limit, far above the rounding error of a sum in float64."""


class GridNoiseChannel(NoiseChannel):
    """Clip each value to a norm, round it towards zero on a grid, and add independent integer noise to each coordinate.

    The step of the grid is ``sigma`` / 256. Rounding towards zero does not enlarge the norm, so the sensitivity is that
    of the clipped values. What is sent is a function of integers: the rounded value plus noise that does not depend on
    it. If ``nonnegative``, negative coordinates are set to zero, which bounds the distance of two values by sqrt(2)
    times the L2 norm instead of twice.
    """

    exact_noise = True

    def __init__(
        self, *, noise: Noise, sigma: float, clip: float, nonnegative: bool = False, randomness: Randomness = "seeded"
    ) -> None:
        """Set the kind of noise, its standard deviation, the clipping norm and the source of random numbers."""
        super().__init__(noise=noise, sigma=sigma, clip=clip)
        self.limit = clip
        self.step = sigma / STEPS_PER_SIGMA
        self.nonnegative = nonnegative
        self.randomness: Randomness = randomness

    def clean(self, value: Tensor) -> Tensor:
        """Clip the values (N, ...) and round them to the grid. The gradient is that of the clipped values."""
        return self._replace(value, self._steps(value))

    def forward(self, value: Tensor) -> Tensor:
        """Clip the values (N, ...), round them to the grid and add fresh noise."""
        steps = self._steps(value)
        noise = sample(steps.shape, noise=self.noise, randomness=self.randomness, device=steps.device)
        return self._replace(value, steps + noise)

    def _steps(self, value: Tensor) -> Tensor:
        """Return the clipped values as integers, in steps of the grid, (N, ...), in float64."""
        with torch.no_grad():
            exact = value.detach().double().nan_to_num(0.0, posinf=0.0, neginf=0.0) / self.step
            if self.nonnegative:
                exact = exact.clamp(min=0)
            flat, limit = exact.flatten(1), self.limit / self.step * (1 - NORM_MARGIN)
            order = NORM_ORDER[self.noise]
            norms = torch.linalg.vector_norm(flat, ord=order, dim=1, keepdim=True)
            flat = flat * (limit / norms.clamp(min=limit))
            near = torch.floor(flat.abs() + ROUNDING_MARGIN)
            inside = torch.linalg.vector_norm(near, ord=order, dim=1, keepdim=True) <= limit
            near = torch.where(inside, near, torch.floor(flat.abs()))
            return (near * flat.sign()).view_as(value)

    def _replace(self, value: Tensor, steps: Tensor) -> Tensor:
        """Return the multiples of the step, with the gradient of the clipped values."""
        sent = (steps * self.step).to(value.dtype)
        if not (value.requires_grad and torch.is_grad_enabled()):
            return sent
        return _Replaced.apply(super().clean(value.clamp(min=0) if self.nonnegative else value), sent)  # pyright: ignore[reportReturnType]


class _Replaced(torch.autograd.Function):
    """Return the second argument exactly, and pass its gradient on to the first."""

    @staticmethod
    def forward(ctx: Any, clipped: Tensor, sent: Tensor) -> Tensor:
        return sent

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return gradients[0], None
