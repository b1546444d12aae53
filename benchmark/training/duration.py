"""How long a target is trained, from steps of its training that are timed."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from ..interfaces import Training
from ..interfaces.timing import timed_ms
from .loop import plan
from .recipes import STANDARD
from .smaller import shrink
from .targets import MIN_STEPS, outputs_of, prepared

TIMED_MACS = 2 * 10**9
"""Multiply-accumulate operations of the images of a timed step, at most, but for two images."""


def training_seconds(
    model: nn.Module, training: Training, *, image_shape: tuple[int, int, int], count: int, macs: int
) -> float:
    """Estimate the seconds that ``train_target`` takes here, from one step with images of each size.

    Args:
        model: An untrained network that takes images (N, C, H, W). It is changed.
        training: The epochs and the recipe.
        image_shape: Channels, rows and columns of an image.
        count: The number of images to train on.
        macs: Multiply-accumulate operations of the network for one image.

    Example:
        >>> network = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
        >>> training_seconds(network, Training(epochs=1), image_shape=(1, 8, 8), count=1000, macs=640) > 0
        True
    """

    def step(images: Tensor) -> None:
        stepper.zero_grad(set_to_none=True)
        outputs_of(model, images, training).square().mean().backward()
        stepper.step()

    with prepared(model, _images(model, image_shape, 2), training) as recipe:
        images = _images(model, image_shape, min(recipe.batch_size, TIMED_MACS // max(1, macs)))
        stepper = torch.optim.SGD(model.parameters(), 1e-6, momentum=0.9, nesterov=True, fused=True)
        seconds = sum(share * _seconds(step, shrink(images, side)) for side, share in recipe.sizes)
    least = math.ceil(MIN_STEPS / training.epochs)
    steps, batch_size = plan(count, epochs=training.epochs, batch_size=recipe.batch_size, least=least)
    return steps * batch_size / len(images) * seconds


def head_training_seconds(model: nn.Module, *, image_shape: tuple[int, int, int], count: int, macs: int) -> float:
    """Estimate the seconds that ``train_head`` takes here: each image passes once through the network.

    Args:
        model: A network that takes images (N, C, H, W).
        image_shape: Channels, rows and columns of an image.
        count: The number of images to train on.
        macs: Multiply-accumulate operations of the network for one image.

    Example:
        >>> network = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
        >>> head_training_seconds(network, image_shape=(1, 8, 8), count=1000, macs=640) > 0
        True
    """
    images = _images(model, image_shape, min(STANDARD.batch_size, TIMED_MACS // max(1, macs)))
    with torch.no_grad():
        return count / len(images) * _seconds(model.eval(), images)


def _images(model: nn.Module, shape: tuple[int, int, int], count: int) -> Tensor:
    """Return at least two images, which a normalization in training mode needs."""
    return torch.rand(max(2, count), *shape, device=next(model.parameters()).device)


def _seconds(run: Callable[[Tensor], object], images: Tensor) -> float:
    """Return the time of a run with images (B, C, H, W), after another one that prepares the kernels."""
    images = images.contiguous(memory_format=torch.channels_last)
    run(images)
    with timed_ms(images.device) as elapsed:
        run(images)
    return elapsed.ms / 1000
