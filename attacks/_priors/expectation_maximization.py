"""Fit of a mixture of Gaussians to the patches of the attacker's images."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from .._inversion.map_priors import Priors
from .._inversion.start import Start
from .patch_mixture import PatchMixture
from .trained_once import trained_once

SIDE = 8
"""Height and width of a patch of gray images, as in EPLL."""
COLOR_SIDE = 6
"""The same for images with several channels."""
PATCHES = 20_000
"""Patches that the mixture is fitted to, or as many as there are."""
COMPONENTS = 20
"""Components of the mixture. On photographs of 64 pixels, 30 were 0.1 dB better at removing noise than 10."""
PATCHES_PER_COMPONENT = 200
"""Patches for each component, at least."""
ROUNDS = 15
"""Rounds of expectation-maximization, at most."""
CONVERGED = 0.05
"""Gain of the mean log-likelihood of a patch, in nats, below which it ends."""
VARIANCE_FLOOR = 5e-4
"""Variance added to that of every direction, since private images may vary where the attacker's images do not."""


def like_patches(start: Start) -> Priors:
    """Fit a mixture to the images that each part does not hold out, and one to all."""
    parts, whole = start.queries.parts, start.queries.whole
    each = tuple(learned_mixture(part.images[: part.own]) for part in parts)
    return Priors(each, each, each[0] if len(parts) == 1 else learned_mixture(whole.images[: whole.own]))


def learned_mixture(images: Tensor) -> PatchMixture:
    """Return the mixture for the attacker's images (K, C, H, W), fitted once and kept on disk."""
    side = min(SIDE if images.shape[1] == 1 else COLOR_SIDE, *images.shape[2:])
    recipe = {
        "name": "patch_mixture",
        "version": 1,
        "side": side,
        "components": COMPONENTS,
        "patches": PATCHES,
        "floor": VARIANCE_FLOOR,
    }

    def train(some: Tensor) -> dict[str, Tensor]:
        distinct = len(some) * (some.shape[2] - side + 1) * (some.shape[3] - side + 1)
        patches = drawn_patches(some, side, min(PATCHES, distinct))
        weights, means, covariances = fit_mixture(patches, min(COMPONENTS, len(patches) // PATCHES_PER_COMPONENT + 1))
        return {"weights": weights, "means": means, "covariances": covariances}

    return PatchMixture(**trained_once(recipe, images, train), side=side)


def drawn_patches(images: Tensor, side: int, count: int) -> Tensor:
    """Draw patches from images (K, C, H, W), at random, (count, C * side * side)."""
    which = torch.randint(len(images), (count,))
    tops, lefts = (torch.randint(length - side + 1, (count,)) for length in images.shape[2:])
    parts = []
    for index, top, left in zip(*(each.split(1000) for each in (which, tops, lefts)), strict=True):
        some = images[index.to(images.device)]
        rows = top[:, None] + torch.arange(side)  # (B, side)
        columns = left[:, None] + torch.arange(side)
        batch = torch.arange(len(some))[:, None, None]
        parts.append(some[batch, :, rows[:, :, None], columns[:, None, :]].movedim(3, 1).flatten(1))
    return torch.cat(parts)


def fit_mixture(samples: Tensor, components: int) -> tuple[Tensor, Tensor, Tensor]:
    """Fit a mixture of Gaussians by expectation-maximization, from a division by the nearest of random centers.

    scikit-learn's ``GaussianMixture`` is equal but for the start, and took six times as long for 30,000 color patches.

    Source: Dempster, Laird, Rubin 1977, "Maximum likelihood from incomplete data via the EM algorithm".

    Args:
        samples: (R, p).
        components: Their number, K.

    Returns:
        The probabilities (K,), means (K, p) and covariances (K, p, p) of the components.
    """
    distinct = samples.unique(dim=0)  # equal patches, such as black ones, would be centers of nothing
    centers = distinct[torch.randperm(len(distinct))[:components]]
    shares = functional.one_hot(torch.cdist(samples, centers).argmin(1), len(centers)).float()  # (R, K)
    fitted, before = maximized(samples, shares), -torch.inf
    for _ in range(ROUNDS):
        scores = PatchMixture(*fitted, side=0).log_density(samples)
        after = scores.logsumexp(1).mean().item()
        if after < before + CONVERGED:
            break
        fitted, before = maximized(samples, scores.softmax(1)), after
    return fitted


def maximized(samples: Tensor, shares: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return the weights, means and covariances under which samples (R, p) with shares (R, K) are most likely."""
    counts = shares.sum(0).clamp(min=1e-6)
    means = shares.T @ samples / counts[:, None]
    eye = VARIANCE_FLOOR * torch.eye(samples.shape[1], device=samples.device)
    covariances = []
    for share, count, mean in zip(shares.unbind(1), counts, means, strict=True):
        (close,) = (share > 1e-4).nonzero(as_tuple=True)
        away = (samples[close] - mean) * share[close, None].sqrt()
        covariances.append(away.T @ away / count + eye)
    return counts / counts.sum(), means, torch.stack(covariances)
