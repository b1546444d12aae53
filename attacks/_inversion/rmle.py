"""Regularized maximum-likelihood estimation: the images whose clean IRs explain a wire best."""

from __future__ import annotations

import copy
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ...benchmark.errors import Inapplicable
from ...benchmark.interfaces import Observation
from .._limits import affordable_iterations, in_one_graph
from .._units import least_unit
from .colors import refit_colors
from .cosine_covariance import CosineCovariance, random_gradients
from .lbfgs import MEMORY
from .searches import Search
from .tv_gaussian import TvGaussianPrior

MAX_CHUNK_NUMBERS = 2**23
"""Numbers of the IR inverted at a time, at most (32 MB)."""
MAX_STATE_NUMBERS = 2**26
"""Numbers that the search remembers of all images together, at most (256 MB)."""
FIRST_WEIGHT = 1.0
"""Weight of the prior at which a search begins that lowers it. Behind the first expansion of EfficientNet-Lite0, at
64x64 pixels, final weights of 0.03, 0.1, 0.3 and 1 gave 18.8, 28.1, 31.5 and 27.7 dB if kept from the beginning, and
31.6, 31.0, 29.7 and 27.7 dB from 1: the choice among them matters less."""
LEAST_MISFIT = 1e-9
"""Misfit of the mean image, as a share of the squared length of the wire, up to which the wire tells no other image."""
OTHER_COPIES = 12
"""Copies of each image that the search holds besides its history: iterates, gradients, directions."""


def invert(
    client: nn.Module,
    search: Search,
    wire: Tensor,
    prior: TvGaussianPrior,
    *,
    tv: float | Tensor,
    iterations: int,
    starts: Tensor | None = None,
    errors: CosineCovariance | None = None,
) -> Tensor:
    """Minimize ``distance(client(x), wire) / distance(client(mean), wire) + tv * penalty(x)`` for each image.

    The misfit is measured in units of that of the mean image, so that one ``tv`` suits shallow and deep splits.

    Args:
        client: Maps images to clean IRs; not changed.
        search: The distance and the optimizer.
        wire: The recorded wires, (N, ...).
        prior: The penalty, and the mean image.
        tv: Weight of the penalty, one number or (N,).
        iterations: Evaluations of the loss and its gradient, or fewer for a client that takes too many operations.
        starts: Where the search begins, (N, C, H, W); None: at the mean image.
        errors: The covariance of true images minus starts, as far as the wire leaves it open; None: that of images.

    Returns:
        Images (N, C, H, W) in [0, 1].
    """
    frozen = copy.deepcopy(client).requires_grad_(False).eval()
    frozen.to(memory_format=torch.channels_last)
    weights = torch.as_tensor(tv, device=wire.device).expand(len(wire))
    chunk = inverted_at_a_time(frozen, wire, prior.mean)
    iterations = affordable_iterations(frozen, prior.mean, iterations)
    means = prior.mean.expand(len(wire), -1, -1, -1)  # (N, C, H, W)
    starts = means if starts is None else starts
    covariance = errors or prior.covariance
    if search.optimizer == "lbfgs" and errors is None:
        covariance = covariance.given(random_gradients(frozen, prior.examples))
    parts = []
    for part, weight, start in zip(wire.split(chunk), weights.split(chunk), starts.split(chunk), strict=True):
        with torch.no_grad():
            unit = search.distance(frozen(means[: len(part)].contiguous()), part)
            unit = torch.where(unit > least_unit(part, LEAST_MISFIT), unit, torch.ones_like(unit))

        misfit = _Misfit(frozen, search, part, unit)

        def loss(
            images: Tensor,
            index: Tensor,
            progress: float = 1.0,
            misfit: _Misfit = misfit,
            weight: Tensor = weight,
        ) -> Tensor:
            return misfit(images, index) + faded(weight[index], progress) * prior.penalty(images)

        found = search.minimize(loss, start.contiguous(), iterations=iterations, preconditioner=covariance)
        parts.append(refit_colors(misfit, found) if search.optimizer == "adam" else found)
    return torch.cat(parts)


@dataclass(frozen=True)
class _Misfit:
    """Measure how badly the clean IRs of images explain wires, in units of that of the mean image."""

    client: nn.Module
    search: Search
    wire: Tensor
    unit: Tensor

    def __call__(self, images: Tensor, index: Tensor) -> Tensor:
        value = self.client(images.contiguous(memory_format=torch.channels_last))
        return self.search.distance(value, self.wire[index]) / self.unit[index]


def faded(weight: Tensor, progress: float) -> Tensor:
    """Return weights of the prior that fall geometrically from ``FIRST_WEIGHT`` to ``weight``; higher ones do not."""
    return torch.maximum(weight, FIRST_WEIGHT ** (1 - progress) * weight**progress)


def inverted_at_a_time(client: nn.Module, wire: Tensor, image: Tensor) -> int:
    """Return how many of the wires (N, ...) are inverted together, each to an image like ``image`` (C, H, W)."""
    remembered = MAX_STATE_NUMBERS // (image.numel() * (2 * MEMORY + OTHER_COPIES))
    return max(1, min(MAX_CHUNK_NUMBERS // wire[0].numel(), remembered, in_one_graph(client, image)))


def comparable(seen: Observation) -> Tensor:
    """Return the wire as numbers that can be compared with IRs, (N, ...).

    Raises:
        Inapplicable: If the defense publishes nothing about its channel.

    Example:
        >>> misfit = seen.channel.distance(seen.client(images), comparable(seen))  # doctest: +SKIP
    """
    if not seen.channel.published:
        raise Inapplicable(
            "Expected a defense that publishes its channel, got one that publishes nothing. "
            "Use an attack that learns from queries, such as ridge."
        )
    return seen.channel.read(seen.wire).to(seen.aux.images.device)


def ir_shape(client: nn.Module, mean: Tensor, wire: Tensor) -> tuple[int, ...]:
    """Return the shape of one IR.

    Raises:
        Inapplicable: If the wire has another shape, so that no image can be compared with it, or the client gives no
            gradients.

    Example:
        >>> ir_shape(nn.Flatten(), torch.zeros(1, 8, 8), torch.zeros(5, 64))
        (64,)
    """
    with torch.enable_grad():
        value = client(mean[None].detach().requires_grad_().clone())
    shape = tuple(value.shape[1:])
    if shape != tuple(wire.shape[1:]):
        raise Inapplicable(
            f"Expected wires with the shape {shape} of an IR, got {tuple(wire.shape[1:])}. "
            "Use an attack that learns from queries, such as ridge."
        )
    if not value.requires_grad:
        raise Inapplicable(
            "Expected a client that gives gradients, got one that gives none, as one of quantized layers does. "
            "Use an attack that learns from queries, such as ridge."
        )
    return shape
