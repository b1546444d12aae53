"""The van Trees bound on every attacker, for images that were drawn from a known mixture of Gaussians."""

from __future__ import annotations

import copy
import math
from dataclasses import replace

import torch
from torch import Tensor, nn

from ..interfaces import Channel, SplitModel
from ..interfaces.prior import Mixture
from .gradients import gradient
from .macs import count_macs

IMAGES = 64
"""Images of each component over which the information in a wire is averaged. Too few make the bound too strict, since
the inverse of a mean is convex: at relu2 and fc1 of LeNet-5, 8, 16, 64 and 128 images of a digit gave 42.04, 42.24,
42.44 and 42.47 dB, and 36.56, 36.96, 37.36 and 37.41 dB."""
MAX_MACS = 3e12
"""Operations that the derivatives may take, about three minutes of one core; beyond, no bound is computed."""
BACKWARD_COST = 3
"""Operations of a pass forward and backward, in those of a pass forward."""
NOISE_NUMBERS = 64 * 1024
"""Numbers whose noise is drawn to measure its information, at least. A sent value has several of them."""
SEGMENTS, SEGMENT_POINTS = 8, 256
"""Segments between drawn images along which the derivative is integrated, and points of each."""
INTEGRAL_ERROR = 0.03
"""Largest relative error of the integral that is not taken for jumps of the clean IR: measured, networks with ReLU and
maximum pooling have up to 0.01, and a client that rounds 1 % of its numbers has 0.06 to 0.2."""


def van_trees_mse(model: SplitModel, prior: Mixture, *, observations: int = 1) -> float | None:
    """Bound the mean squared error of every attacker from below, biased or not, if the images come from ``prior``.

    For one Gaussian with covariance S, and wires that are the clean IR plus independent noise of Fisher information F
    in each number, no attacker has a smaller expected error per pixel than

    ``trace((F E[J' J] + S^-1)^-1) / D``

    where J is the derivative of the clean IR. For a mixture, an attacker who also knows the component has at least the
    average of these, and all others have no less. One Gaussian and an IR that is an affine function of the image reach
    the bound. The expectation of J' J is estimated from drawn images, which makes the bound up to 0.1 dB too strict
    where the client is not affine.

    Args:
        model: The protected model.
        prior: The distribution of the images.
        observations: The number of wires of each image that the attacker has.

    Returns:
        The smallest expected squared error of a pixel. None if the channel does not add noise of a known density, the
        clean IR jumps, as that of a client which rounds does, or the derivatives take too long.

    Source: van Trees, Detection, Estimation, and Modulation Theory, 1968, section 2.4; the affine case is the linear
    minimum-mean-square-error estimator.

    Example:
        >>> from mia_bench.defenses._dp.noise_channel import NoiseChannel
        >>> prior = Mixture(torch.ones(1), torch.full((1, 1, 8, 8), 0.5).double(), 0.01 * torch.eye(64).double()[None])
        >>> noise = NoiseChannel(noise="gaussian", sigma=0.1, clip=None)
        >>> model = SplitModel(client=nn.Sequential(nn.Flatten()), server=nn.Sequential(), ir_channel=noise)
        >>> round(van_trees_mse(model, prior), 3)
        0.005
    """
    if (type(model).send, type(model).overheard) != (SplitModel.send, SplitModel.overheard):
        return None
    if model.input_channel.stochastic:  # The wire is computed from the noisy image, so it reveals no more.
        model = replace(model, client=nn.Sequential(), input_channel=Channel(), ir_channel=model.input_channel)
    before = nn.Sequential(_Clean(model.input_channel), model.client)
    client = nn.Sequential(before, _Clean(model.ir_channel))
    first = prior.draw(1, 0)
    numbers = client(first).numel()
    passes = IMAGES * len(prior.weights) * numbers + SEGMENTS * SEGMENT_POINTS
    if passes * BACKWARD_COST * count_macs(client, first) > MAX_MACS:
        return None
    information = _noise_information(copy.deepcopy(model.ir_channel).double(), before(first).double(), numbers)
    if information is None or _jumps(client, prior):
        return None
    total = 0.0
    for component, weight in enumerate(prior.weights.tolist()):
        known = observations * information * _squared_derivative(client, prior.draw(IMAGES, component))
        total += weight * _remaining_variance(prior.covariances[component], known) / first.numel()
    return total


def _remaining_variance(covariance: Tensor, information: Tensor) -> float:
    """Return ``trace((information + covariance^-1)^-1)`` for float64 matrices (D, D).

    It is computed without the inverse of either, of which one is often singular and the other often nearly so.
    """
    values, vectors = torch.linalg.eigh(covariance)
    root = vectors * values.clamp(min=0).sqrt()  # (D, D), root @ root.T is the covariance
    found, directions = torch.linalg.eigh(root.T @ information @ root)
    variances = (root @ directions).square().sum(0)  # (D,)
    return (variances / (1 + found.clamp(min=0))).sum().item()


class _Clean(nn.Module):
    """Apply the deterministic part of a channel."""

    def __init__(self, channel: Channel) -> None:
        super().__init__()
        self.channel = channel

    def forward(self, value: Tensor) -> Tensor:
        """Apply it to a value (N, ...)."""
        return self.channel.clean(value)


def _noise_information(channel: Channel, value: Tensor, numbers: int) -> float | None:
    """Return the Fisher information that one sent number has about its clean value; None if no noise is added to it.

    Args:
        channel: What happens to the value on the way.
        value: One value before the channel, (1, ...).
        numbers: The numbers of a sent value.
    """
    squares = []
    for _ in range(math.ceil(NOISE_NUMBERS / numbers)):
        with torch.no_grad():
            clean, other = channel.clean(value), channel.clean(value / 2)
            sent = channel(value)
        if sent.shape != clean.shape:
            return None
        sent.requires_grad_()
        with torch.enable_grad():
            density = channel.log_density(value, sent)
            moved = channel.log_density(value / 2, sent.detach() - clean + other)
            if density is None or moved is None or not torch.allclose(density, moved, rtol=1e-3):
                return None  # the noise is not added, or depends on the value
            score = gradient(density.sum(), sent)
        if score is None or not _alike(channel, value, clean, sent.detach(), score):
            return None  # a single number does not say how much the noise hides
        squares.append(score.double().square().mean().item())
    return sum(squares) / len(squares)


def _alike(channel: Channel, value: Tensor, clean: Tensor, sent: Tensor, score: Tensor) -> bool:
    """Return whether the noise of all sent numbers is independent and equally distributed.

    The noise of a random half of the numbers is moved to random others, and the rest gets other noise. The derivatives
    of the log-density by the moved numbers then stay the same.
    """
    half = sent.numel() // 2
    if not half:
        return True
    origins, places = (torch.randperm(sent.numel(), device=sent.device)[:half] for _ in range(2))
    with torch.no_grad():
        moved = (channel(value) - clean).flatten()
        moved[places] = (sent - clean).flatten()[origins]
    mixed = (clean + moved.view_as(sent)).requires_grad_()
    with torch.enable_grad():
        density = channel.log_density(value, mixed)
        assert density is not None
        found = gradient(density.sum(), mixed)
    if found is None:
        return False
    expected, actual = score.flatten()[origins], found.flatten()[places]
    return torch.allclose(expected, actual, rtol=1e-2, atol=1e-2 * expected.square().mean().sqrt().item())


def _jumps(client: nn.Module, prior: Mixture) -> bool:
    """Return whether the clean IR is something else than the integral of its derivative.

    A client that rounds has a derivative of 0, which says nothing about what its IR reveals. Along segments between
    drawn images, the change of a random combination of all numbers is compared with the integral of its derivative.
    """
    components = [index % len(prior.weights) for index in range(SEGMENTS)]
    starts, ends = (torch.cat([prior.draw(1, component) for component in components]) for _ in range(2))
    with torch.no_grad():
        sent, other = client(starts).double(), client(ends).double()
    scale = (other - sent).square().mean(0).sqrt()  # (...)
    if not scale.any():
        return False
    weights = torch.randn_like(other) / scale.clamp(min=0.3 * scale.square().mean().sqrt())  # (SEGMENTS, ...)
    changes = (weights * (other - sent)).flatten(1).sum(1)  # (SEGMENTS,)
    shares = (torch.arange(SEGMENT_POINTS, device=starts.device) + 0.5) / SEGMENT_POINTS
    found = []
    for start, end, chosen in zip(starts, ends, weights, strict=True):
        points = torch.lerp(start, end, shares.view(-1, 1, 1, 1)).requires_grad_()  # (SEGMENT_POINTS, C, H, W)
        with torch.enable_grad():
            slope = gradient((chosen * client(points).double()).sum(), points)
        if slope is None:
            return True
        found.append((slope.double() * (end - start)).flatten(1).sum(1).mean())
    error = (torch.stack(found) - changes).square().mean().sqrt()
    return bool(error > INTEGRAL_ERROR * changes.square().mean().sqrt())


def _squared_derivative(client: nn.Module, images: Tensor) -> Tensor:
    """Return the mean of J' J over images (N, C, H, W), (D, D), for the derivative J of the client."""
    total = torch.zeros(images[0].numel(), images[0].numel(), dtype=torch.float64, device=images.device)
    for image in images:
        for rows in _derivative(client, image):
            total += rows.T @ rows
    return total / len(images)


def _derivative(client: nn.Module, image: Tensor, at_once: int = 256) -> list[Tensor]:
    """Return the derivative of every number of the IR of an image (C, H, W), in parts (rows, D), float64."""
    with torch.no_grad():
        shape = client(image[None]).shape[1:]
    parts = []
    for start in range(0, shape.numel(), at_once):
        count = min(at_once, shape.numel() - start)
        copies = image.expand(count, *image.shape).clone().requires_grad_()
        chosen = torch.zeros(count, shape.numel(), device=image.device)
        chosen[torch.arange(count), start + torch.arange(count)] = 1
        with torch.enable_grad():
            slope = gradient(client(copies).flatten(1), copies, chosen)
        slope = torch.zeros_like(copies) if slope is None else slope
        parts.append(slope.flatten(1).double())  # The product of derivatives in float32 would not be singular.
    return parts
