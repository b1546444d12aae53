"""L-BFGS between bounds, for many independent images at once."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterator
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

MEMORY = 10
"""Past steps from which the curvature is estimated; the usual choice is 3 to 20 (Nocedal & Wright, section 7.2)."""
FIRST_STEP = 0.1
"""Largest change of a pixel in the first step, when no curvature is known yet."""
CHECK_INTERVAL = 10
"""Evaluations after which converged images are removed from the batch."""
MIN_LOSS_DECREASE = 3e-4
"""Share by which the loss of an image falls in so many evaluations, at least, or it has converged. On MNIST relu2 with
noise, dropout and quantization, scores stay within 0.01 dB (with 1e-3, noise cost 0.05 dB)."""


class Loss(Protocol):
    """The function to minimize."""

    def __call__(self, images: Tensor, index: Tensor) -> Tensor:
        """Return the loss of images (M, C, H, W), (M,); ``index`` (M,) tells which of all the images they are."""
        ...


class Preconditioner(Protocol):
    """A guess at the inverse Hessian up to a factor, the same for every image or not: positive definite, linear."""

    def __call__(self, grad: Tensor, index: Tensor) -> Tensor:
        """Multiply gradients (M, C, H, W) by it; ``index`` (M,) tells which of all the images they belong to."""
        ...


class LbfgsState(NamedTuple):
    """The state of the search for M images.

    Attributes:
        indices: Which of all the images they are, (M,).
        images: The best so far, (M, C, H, W).
        value: Their losses, (M,).
        grad: The gradient there, (M, C, H, W).
        step_length: Of the next step, (M,).
    """

    indices: Tensor
    images: Tensor
    value: Tensor
    grad: Tensor
    step_length: Tensor


class CurvaturePair(NamedTuple):
    """A step, the change of the gradient along it, and what their product tells.

    Attributes:
        step: s, (M, C, H, W).
        change: y, (M, C, H, W).
        rho: 1 / (s @ y), (M, 1, 1, 1); 0 where the curvature was not positive.
        gamma: s @ y / (y @ P y), (M, 1, 1, 1), by which a preconditioner P is multiplied to have the size of the
            inverse Hessian.
    """

    step: Tensor
    change: Tensor
    rho: Tensor
    gamma: Tensor

    @classmethod
    def of(cls, step: Tensor, change: Tensor, preconditioned: Tensor) -> CurvaturePair:
        """Compute the factors where they are usable; ``preconditioned`` is P y, (M, C, H, W)."""
        product, length = _dot(step, change), _dot(change, preconditioned)
        usable = product > 1e-10 * _dot(change, change)
        gamma = (product / length.clamp(min=1e-20)).clamp(min=1e-8)
        return cls(step, change, torch.where(usable, 1 / product.clamp(min=1e-30), 0), gamma)


History = deque[CurvaturePair]


class Bounds(NamedTuple):
    """The least and the largest value of a pixel."""

    low: float
    high: float


IMAGE_BOUNDS, NO_BOUNDS = Bounds(0.0, 1.0), Bounds(-math.inf, math.inf)


class Minimization:
    """The search for the images with the least loss, each independently, over pixels in bounds, which can be continued.

    Every image has its own curvature and its own step length, and a step that would raise its loss is rejected, so an
    image comes out the same whatever else is in the batch. So is a step to where the loss is not finite. Pixels that
    press against a bound are fixed for the step.

    Source: Nocedal & Wright, "Numerical Optimization", algorithm 7.4; the projection of Bertsekas 1982.

    Attributes:
        images: The best so far, (N, C, H, W).
    """

    def __init__(
        self,
        loss: Loss,
        start: Tensor,
        *,
        tolerance: float = 0.0,
        preconditioner: Preconditioner | None = None,
        bounds: Bounds = IMAGE_BOUNDS,
    ) -> None:
        """Evaluate the initial images.

        Args:
            loss: Maps some of the images to their losses.
            start: The initial images, (N, C, H, W).
            tolerance: An image has converged when its loss has fallen by less than this share in ``CHECK_INTERVAL``
                evaluations.
            preconditioner: Says which directions are worth longer steps (H0 up to a factor, equation 7.20); None: the
                identity.
            bounds: Of every pixel; those of images by default.
        """
        self.images = start.detach().clamp(*bounds)
        self._loss, self._tolerance, self._preconditioner = loss, tolerance, preconditioner or _identity
        self._bounds = bounds
        index = torch.arange(len(start), device=start.device)
        value, grad = _evaluate(loss, self.images, index)
        self._state = LbfgsState(index, self.images.clone(), value, grad, torch.ones_like(value))
        self._history, self._before, self._count = History(maxlen=MEMORY), value, 0

    def advance(self, iterations: int) -> Tensor:
        """Search until there have been so many evaluations of the loss and its gradient in all; return the images."""
        while self._count < iterations and len(self._state.indices):
            self._count += 1
            self._state, pair = _step(self._loss, self._state, self._history, self._preconditioner, self._bounds)
            self._history.append(pair)
            if self._tolerance and self._count % CHECK_INTERVAL == 0:
                value = self._state.value
                self._retain(self._before - value >= self._tolerance * value.abs())
                self._before = self._state.value
        self.images[self._state.indices] = self._state.images
        return self.images

    def keep(self, wanted: Tensor) -> None:
        """Stop searching for all images but those of a mask (N,), and leave the others as they are."""
        retained = wanted[self._state.indices]
        self._before = self._before[retained]
        self._retain(retained)

    def _retain(self, moving: Tensor) -> None:
        """Search only for those images of the state that a mask (M,) names."""
        if moving.all():
            return
        self.images[self._state.indices] = self._state.images
        self._state = LbfgsState(*(each[moving] for each in self._state))
        self._history = History(
            (CurvaturePair(*(each[moving] for each in pair)) for pair in self._history), maxlen=MEMORY
        )


def minimize(
    loss: Loss,
    start: Tensor,
    *,
    iterations: int,
    tolerance: float = 0.0,
    preconditioner: Preconditioner | None = None,
) -> Tensor:
    """Minimize a loss for each image independently, as ``Minimization`` does, and return the images (N, C, H, W).

    Args:
        loss: Maps some of the images to their losses.
        start: The initial images, (N, C, H, W).
        iterations: Evaluations of the loss and its gradient, at most.
        tolerance: Share of the loss below which an image has converged.
        preconditioner: Says which directions are worth longer steps; None: the identity.

    Example:
        >>> wanted = torch.tensor([0.2, 0.9]).view(2, 1, 1, 1)
        >>> loss = lambda images, index: (images - wanted[index]).square().flatten(1).sum(1)
        >>> minimize(loss, torch.full((2, 1, 1, 1), 0.5), iterations=20).flatten()
        tensor([0.2000, 0.9000])
    """
    return Minimization(loss, start, tolerance=tolerance, preconditioner=preconditioner).advance(iterations)


def finished(searches: Iterator[Minimization], iterations: int) -> Tensor:
    """Advance searches one after the other, so that only one is in memory, and return all images (N, C, H, W)."""
    return torch.cat(list(map(lambda search: search.advance(iterations), searches)))


def _identity(grad: Tensor, index: Tensor) -> Tensor:
    return grad


def _step(
    loss: Loss, state: LbfgsState, history: History, preconditioner: Preconditioner, bounds: Bounds
) -> tuple[LbfgsState, CurvaturePair]:
    """Evaluate the loss once, and return the next state and what the step tells about the curvature."""
    index, images, value, grad, step_length = state
    active = ((images <= bounds.low) & (grad > 0)) | ((images >= bounds.high) & (grad < 0))

    def precondition(each: Tensor) -> Tensor:
        return preconditioner(each, index)

    direction = -two_loop_recursion(grad.masked_fill(active, 0), history, precondition).masked_fill(active, 0)
    trial = (images + _expand(step_length) * direction).clamp(*bounds)
    trial_value, trial_grad = _evaluate(loss, trial, index)
    usable = trial_value.isfinite() & trial_grad.flatten(1).isfinite().all(1)
    better = usable & (trial_value <= value)
    change = torch.where(_expand(usable), trial_grad - grad, 0)
    pair = CurvaturePair.of(torch.where(_expand(better), trial - images, 0), change, precondition(change))
    if history:  # a rejected step tells nothing
        pair = pair._replace(gamma=torch.where(pair.rho > 0, pair.gamma, history[-1].gamma))
    after = LbfgsState(
        index,
        images=torch.where(_expand(better), trial, images),
        value=torch.where(better, trial_value, value),
        grad=torch.where(_expand(better), trial_grad, grad),
        step_length=torch.where(better, (step_length * 2).clamp(max=1), (step_length * 0.3).clamp(min=1e-4)),
    )
    return after, pair


def _evaluate(loss: Loss, images: Tensor, index: Tensor) -> tuple[Tensor, Tensor]:
    with torch.enable_grad():  # decoders are applied without
        images = images.detach().requires_grad_(True)
        value = loss(images, index)
        (grad,) = torch.autograd.grad(value.sum(), images)
    return value.detach(), grad


def two_loop_recursion(grad: Tensor, history: History, precondition: Callable[[Tensor], Tensor]) -> Tensor:
    """Multiply the gradient (M, C, H, W) by the estimated inverse Hessian.

    Where no step has shown any curvature yet, for example if the first was rejected, the preconditioned gradient is
    only scaled to the length of a first step.
    """
    alphas = []
    for step, change, rho, _ in reversed(history):
        alpha = rho * _dot(step, grad)
        grad = grad - alpha * change
        alphas.append(alpha)
    grad = precondition(grad)
    unit = FIRST_STEP / _expand(grad.flatten(1).abs().amax(1).clamp(min=1e-12))
    if not history:
        return grad * unit
    known = torch.stack([pair.rho for pair in history]).amax(0) > 0
    grad = grad * torch.where(known, history[-1].gamma, unit)
    for (step, change, rho, _), alpha in zip(history, reversed(alphas), strict=True):
        grad = grad + step * (alpha - rho * _dot(change, grad))
    return grad


def _dot(first: Tensor, second: Tensor) -> Tensor:
    """Return the scalar product of each pair of images, (M, 1, 1, 1)."""
    return _expand((first * second).flatten(1).sum(1))


def _expand(numbers: Tensor) -> Tensor:
    """Reshape (M,) to (M, 1, 1, 1)."""
    return numbers.view(-1, 1, 1, 1)
