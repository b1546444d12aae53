"""Images that are drawn from a known distribution, so that the best possible attack is known."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor

from ..interfaces import Dataset, ImageSet, Pools, Training
from ..interfaces.prior import Mixture
from ..utils.seeding import seeded
from ._division import proportional_order
from .mnist import Mnist

FLOOR = 1e-3
"""Variance that is added to that of every direction, so that covariances have an inverse."""
RANGE_DEVIATIONS = 6.5
"""Standard deviations of every pixel that fit between 0 and 1, so that nothing has to be clamped."""


class KnownPrior(Dataset):
    """Images with the mean and the covariance of MNIST, drawn from one Gaussian or from one for each digit.

    For defenses that add noise, records then hold ``bound_van_trees_psnr_db``, which binds *every* attacker, and the
    column ``attack_gap_db``, by how much the mean squared error of the attack is above it. Contrast is reduced until
    all pixels are between 0 and 1 without clamping.

    Example: ``mia-bench run --dataset known_prior --split conv1 --defense dp_ir --sigma 0.1 --attack ridge``

    Source: the moments are those of MNIST, LeCun, Bottou, Bengio, Haffner, Proceedings of the IEEE 1998.
    """

    model: ClassVar[str] = "lenet5"
    split: ClassVar[str] = "relu2"
    training: ClassVar[Training] = Training(epochs=8)
    prior: Literal["gaussian", "mixture"] = Field("gaussian", description="one Gaussian, or one for each digit")
    aux_images: int = Field(10_000, ge=10, description="images of the attacker; the victim trains on as many others")
    private_images: int = Field(2000, ge=10, description="images that can be attacked")

    def load(self, data_dir: Path | None) -> Pools:
        """Read MNIST in ``data_dir``, measure it and draw the images.

        Raises:
            UsageError: If files are missing or damaged, or cannot be downloaded.
        """
        measured = Mnist(aux_images=10_000).load(data_dir).train
        labels = measured.labels if self.prior == "mixture" else torch.zeros_like(measured.labels)
        prior = fit_mixture(measured.images, labels)
        counts = (self.aux_images, self.aux_images, self.private_images)
        with seeded("known prior", self.prior):
            train, aux, private = (draw_set(prior, count) for count in counts)
        digits = tuple(str(digit) for digit in range(10))
        signs = tuple("abcd")  # of the two largest principal components
        names = digits if self.prior == "mixture" else signs
        return Pools(train, aux, private, names, prior=prior)


def fit_mixture(images: Tensor, groups: Tensor) -> Mixture:
    """Measure images (N, C, H, W) of each group (N,), and reduce their contrast until they fit between 0 and 1."""
    rows = images.flatten(1).double()
    means, covariances, weights = [], [], []
    for group in groups.unique():
        some = rows[groups == group]
        means.append(some.mean(0))
        covariances.append(torch.cov(some.T) + FLOOR * torch.eye(rows.shape[1], dtype=torch.float64))
        weights.append(len(some) / len(rows))
    mean, covariance = torch.stack(means), torch.stack(covariances)
    reach = RANGE_DEVIATIONS * covariance.diagonal(dim1=1, dim2=2).sqrt()
    low, high = (mean - reach).min(), (mean + reach).max()
    scaled = ((mean - low) / (high - low)).view(-1, *images.shape[1:])
    return Mixture(torch.tensor(weights, dtype=torch.float64), scaled, covariance / (high - low).square())


def draw_set(prior: Mixture, count: int) -> ImageSet:
    """Draw images with labels: their components or, of a single one, the signs of two principal components."""
    components = len(prior.weights)
    if components > 1:
        # as many of each component as its weight says, also among the first images
        shares = (prior.weights * count).round().clamp(min=2).long()
        labels = torch.arange(components).repeat_interleave(shares)
        labels = labels[proportional_order(labels, tuple(map(str, range(components))))]
        images = torch.empty(len(labels), *prior.means.shape[1:])
        for component in range(components):
            (places,) = (labels == component).nonzero(as_tuple=True)
            images[places] = prior.draw(len(places), component)
        return ImageSet(images, labels)
    images = prior.draw(count, 0)
    largest = torch.linalg.eigh(prior.covariances[0]).eigenvectors[:, -2:]
    signs = ((images - prior.means[0]).double().flatten(1) @ largest > 0).long()  # (count, 2)
    return ImageSet(images, 2 * signs[:, 0] + signs[:, 1])
