"""Regularized maximum-likelihood estimation: the images whose clean IRs explain a wire best."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn

from ...benchmark.errors import Inapplicable
from ...benchmark.interfaces import Channel, Observation
from .._limits import affordable_iterations, backward_batch_size
from .._units import least_unit
from .cosine_covariance import CosineCovariance, random_gradients
from .distance import Distance
from .lbfgs import MEMORY, MIN_LOSS_DECREASE, Minimization, finished
from .tv_gaussian import TvGaussianPrior

MAX_CHUNK_NUMBERS = 2**23
"""Numbers of the IR inverted at a time, at most (32 MB)."""
MAX_STATE_NUMBERS = 2**26
"""Numbers that the search remembers of all images together, at most (256 MB)."""
LEAST_MISFIT = 1e-9
"""Misfit of the mean image, as a share of the squared length of the wire, up to which the wire tells no other image."""
NO_GRADIENTS = (
    "Expected a client that gives gradients, got one that gives none, as one of quantized layers does. "
    "Use an attack that learns from queries, such as ridge."
)
OTHER_COPIES = 12
"""Copies of each image that the search holds besides its history: iterates, gradients, directions."""


def invert(
    client: nn.Module,
    distance: Distance,
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
        distance: Misfit of clean IRs with wires, which suits the defense.
        wire: The recorded wires, (N, ...).
        prior: The penalty, and the mean image.
        tv: Weight of the penalty, one number or (N,).
        iterations: Evaluations of the loss and its gradient, or fewer for a client that takes too many operations.
        starts: Where the search begins, (N, C, H, W); None: at the mean image.
        errors: The covariance of true images minus starts, as far as the wire leaves it open; None: that of images.

    Returns:
        Images (N, C, H, W) in [0, 1].
    """
    begun = inversions(client, distance, wire, prior, tv=tv, starts=starts, errors=errors)
    return finished(begun, affordable_iterations(client, prior.mean, iterations))


def inversions(
    client: nn.Module,
    distance: Distance,
    wire: Tensor,
    prior: TvGaussianPrior,
    *,
    tv: float | Tensor,
    starts: Tensor | None = None,
    errors: CosineCovariance | None = None,
) -> Iterator[Minimization]:
    """Begin the searches of ``invert``, each for as many of the wires (N, ...) as are inverted at a time."""
    frozen = copy.deepcopy(client).requires_grad_(False).eval()
    frozen.to(memory_format=torch.channels_last)
    weights = torch.as_tensor(tv, device=wire.device).expand(len(wire))
    chunk = inverted_at_a_time(frozen, wire, prior.mean)
    means = prior.mean.expand(len(wire), -1, -1, -1)  # (N, C, H, W)
    starts = means if starts is None else starts
    covariance = errors or prior.covariance.given(random_gradients(frozen, prior.examples))
    for part, weight, start in zip(wire.split(chunk), weights.split(chunk), starts.split(chunk), strict=True):
        with torch.no_grad():
            unit = distance(frozen(means[: len(part)].contiguous()), part)
            unit = torch.where(unit > least_unit(part, LEAST_MISFIT), unit, torch.ones_like(unit))

        def loss(
            images: Tensor, index: Tensor, part: Tensor = part, unit: Tensor = unit, weight: Tensor = weight
        ) -> Tensor:
            value = frozen(images.contiguous(memory_format=torch.channels_last))
            return distance(value, part[index]) / unit[index] + weight[index] * prior.penalty(images)

        yield Minimization(loss, start.contiguous(), tolerance=MIN_LOSS_DECREASE, preconditioner=covariance)


def inverted_at_a_time(client: nn.Module, wire: Tensor, image: Tensor) -> int:
    """Return how many of the wires (N, ...) are inverted together, each to an image like ``image`` (C, H, W)."""
    remembered = MAX_STATE_NUMBERS // (image.numel() * (2 * MEMORY + OTHER_COPIES))
    return max(1, min(MAX_CHUNK_NUMBERS // wire[0].numel(), remembered, backward_batch_size(client, image)))


def wire_as_ir(seen: Observation) -> Tensor:
    """Return the wire as numbers that can be compared with IRs, (N, ...).

    Raises:
        Inapplicable: If the defense publishes nothing about its channel.

    Example:
        >>> misfit = seen.channel.distance(seen.client(images), wire_as_ir(seen))  # doctest: +SKIP
    """
    if not seen.channel.published:
        raise Inapplicable(
            "Expected a defense that publishes its channel, got one that publishes nothing. "
            "Use an attack that learns from queries, such as ridge."
        )
    return seen.channel.read(seen.wire).to(seen.aux.images.device)


def ir_shape(client: nn.Module, mean: Tensor, wire: Tensor, *, channel: Channel | None = None) -> tuple[int, ...]:
    """Return the shape of one IR, as it is sent.

    Args:
        client: Maps images to IRs.
        mean: An image (C, H, W).
        wire: What was sent, (N, ...).
        channel: Sends the IR, if its distance is used, so that it may send another shape. None: the IR is compared.

    Raises:
        Inapplicable: If the wire has another shape, so that no image can be compared with it, or the client gives no
            gradients.

    Example:
        >>> ir_shape(nn.Flatten(), torch.zeros(1, 8, 8), torch.zeros(5, 64))
        (64,)
    """
    with torch.enable_grad():
        value = client(mean[None].detach().requires_grad_().clone())
        value = value if channel is None else channel.clean(value)
    shape = tuple(value.shape[1:])
    if shape != tuple(wire.shape[1:]):
        raise Inapplicable(
            f"Expected wires with the shape {shape} of an IR, got {tuple(wire.shape[1:])}. "
            "Use an attack that learns from queries, such as ridge."
        )
    if not value.requires_grad:
        raise Inapplicable(NO_GRADIENTS)
    return shape


def gives_gradients(build: Callable[[], nn.Module], mean: Tensor) -> bool:
    """Return whether the IRs of a client have derivatives by the image, and not only by its weights.

    The state of the global generator stays as it is.

    Args:
        build: Builds a client, which maps images to IRs.
        mean: An image (C, H, W).

    Example:
        >>> gives_gradients(lambda: nn.Conv2d(1, 2, 3), torch.zeros(1, 8, 8))
        True
    """
    with torch.enable_grad(), torch.random.fork_rng(devices=[]):
        client = build().requires_grad_(False).eval()
        return client(mean[None].detach().requires_grad_().clone()).requires_grad
