"""The ways to search for an image, of which the attacker's own images choose one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from ...benchmark.utils.ir_layout import IrLayout
from .._decoders.folds import SMALL_IMAGE_PIXELS
from .adam import minimize_by_adam
from .lbfgs import FadingLoss, Preconditioner, minimize

Optimizer = Literal["lbfgs", "adam"]

Distance = Callable[[Tensor, Tensor], Tensor]
"""Misfit of clean IRs (N, ...) with wires (N, ...), (N,)."""
TOLERANCE = 3e-4
"""An image has converged when its loss has fallen by less than this share in ten evaluations. On MNIST relu2
with noise, dropout and quantization, scores stay within 0.01 dB (with 1e-3, noise cost 0.05 dB)."""
WEIGHTS = (0.001, 0.01, 0.1, 0.3, 1.0, 3.0)
"""Weights from which the prior's is chosen; on MNIST conv1 wants the first, relu2 the third, noisy relu2 the fifth."""
ADAM_WEIGHTS = WEIGHTS[2:]
"""Those for Adam, which needs more of the prior, since its steps do not become smaller with the gradient. They are few,
since it lowers the weight during the search: the final one matters less."""
LOWEST_SCALE = 0.5
"""Standard deviation of a channel, as a share of the median one, to which smaller ones are raised. A channel that
hardly varies on the attacker's images may do so on private ones, and would then outweigh all others: behind the first
expansion of EfficientNet-Lite0 at 48x48 pixels, shares of 0.001, 0.1, 0.5 and 2 gave 12.9, 21.4, 28.7 and 22.3 dB."""
MAX_SCALE_IMAGES = 16
"""The attacker's images on which the channels are measured, at most."""


@dataclass(frozen=True)
class Search:
    """A distance of IRs and wires, and an optimizer.

    Attributes:
        distance: The distance.
        optimizer: L-BFGS, which may converge early, or Adam.
    """

    distance: Distance
    optimizer: Optimizer = "lbfgs"

    @property
    def weights(self) -> tuple[float, ...]:
        """The weights from which the prior's is chosen."""
        return ADAM_WEIGHTS if self.optimizer == "adam" else WEIGHTS

    def minimize(self, loss: FadingLoss, start: Tensor, *, iterations: int, preconditioner: Preconditioner) -> Tensor:
        """Minimize a loss from initial images (N, C, H, W), each for itself, and return images in [0, 1].

        Adam has its own preconditioner.
        """
        if self.optimizer == "adam":
            return minimize_by_adam(loss, start, iterations=iterations)
        return minimize(loss, start, iterations=iterations, tolerance=TOLERANCE, preconditioner=preconditioner)


def searches(distance: Distance, wires: Tensor, image: Tensor) -> list[Search]:
    """Return the searches that are tried on the attacker's own images.

    For images of at most 32x32 pixels this is L-BFGS alone: at relu22 of the CIFAR-10 network it reached 25.7 dB in
    450 evaluations without a preconditioner, the better of both 26.1 dB in four times the time, and it reaches 29.8 dB
    with one. For larger ones, Adam is tried, too, on distances in units of each channel's standard deviation where
    channels can be weighted. Without a preconditioner L-BFGS ends early there: behind the first expansion of
    EfficientNet-Lite0, at 64x64 pixels, it reached 21.6 dB on images of the attacker, and Adam 35.4 dB.

    Args:
        distance: The distance that suits the defense.
        wires: Of some of the attacker's images, (K, ...), to measure the channels.
        image: An image, (C, H, W).
    """
    plain = Search(distance)
    if image[0].numel() <= SMALL_IMAGE_PIXELS:
        return [plain]
    layout = IrLayout.of(wires.shape[1:], image=image.shape)
    if not (layout.spatial and weighs_channels(distance, wires, layout)):
        return [plain, Search(distance, "adam")]
    return [plain, Search(Whitened.of(distance, wires, layout), "adam")]


def weighs_channels(distance: Distance, wires: Tensor, layout: IrLayout) -> bool:
    """Return whether a distance stays one if each channel is scaled: it is a sum over channels, and homogeneous.

    The squared error is, the absolute one, and both over the values that dropout left. The distance to the cells of a
    quantizer is not, nor is one that clips values.

    Args:
        distance: Of IRs and wires, (N,).
        wires: Some wires, (K, ...), on which it is tried.
        layout: Tells which axis has the channels.
    """
    values = wires.roll(1, 0) / 2  # differs from each wire, even if there is one
    shape = [1] * wires.ndim
    shape[layout.channel_axis] = -1
    even = (torch.arange(wires.shape[layout.channel_axis], device=wires.device) % 2).view(shape)
    with torch.no_grad():
        once, twice, four = (distance(factor * values, factor * wires) for factor in (1, 2, 4))
        parts = distance(even * values, even * wires) + distance((1 - even) * values, (1 - even) * wires)
    pairs = ((twice.square(), once * four), (parts, once))
    return bool((once > 0).all()) and all(torch.allclose(left, right, rtol=1e-3) for left, right in pairs)


def squared_error(value: Tensor, sent: Tensor) -> Tensor:
    """Compute the distance of the published attack, which ignores the defense, (N,)."""
    return (value - sent).square().flatten(1).sum(1)


@dataclass(frozen=True)
class Whitened:
    """Measure a distance in units of the standard deviation of each channel.

    Attributes:
        distance: Of IRs and wires.
        scale: Reciprocal standard deviations, which broadcast to a batch of IRs.
    """

    distance: Distance
    scale: Tensor

    @classmethod
    def of(cls, distance: Distance, wires: Tensor, layout: IrLayout) -> Whitened:
        """Measure the channels of wires (K, ...)."""
        axes = [axis for axis in range(wires.ndim) if axis != layout.channel_axis]
        deviation = wires.std(axes, keepdim=True, correction=0)
        varying = deviation[deviation > 0]
        lowest = LOWEST_SCALE * varying.median().item() if len(varying) else 1.0
        return cls(distance, 1 / deviation.clamp(min=lowest))

    def __call__(self, value: Tensor, sent: Tensor) -> Tensor:
        """Compute the distance of IRs (N, ...) and wires (N, ...), (N,)."""
        return self.distance(value * self.scale, sent * self.scale)
