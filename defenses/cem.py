"""Training for a high conditional entropy of the image given the IR."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional

from ..benchmark.interfaces import Defense, ImageSet, SplitModel
from ..benchmark.training import EPOCHS_HELP, frozen_encoder, train_jointly
from ._deviation import unit_of
from ._dp.noise_channel import NoiseChannel

CENTROID_IMAGES = 2048
"""Most training images from which the first centroids are computed."""
LLOYD_STEPS = 10
MOMENTUM = 0.95
"""Share of a centroid that a batch leaves as it is."""
PUBLISHED_FLOORS = (1.1e-3, 1e-3)
"""What the published code adds to the variance, and the variance that it takes for zero."""


class Centroids:
    """Means of clusters of IRs, separately for each class, which follow the client while it is trained.

    Example:
        >>> Centroids(torch.rand(64, 4, 2, 2), torch.arange(64) % 2, clusters=3).means.shape
        torch.Size([6, 16])
    """

    def __init__(self, irs: Tensor, groups: Tensor, clusters: int) -> None:
        """Cluster IRs (N, ...) of each group (N,) by k-means."""
        flat = irs.flatten(1)
        found = [_cluster(flat[groups == group], clusters) for group in groups.unique()]
        self.means = torch.cat(found)  # (J, K)
        owners = [group.expand(len(each)) for group, each in zip(groups.unique(), found, strict=True)]
        self.groups = torch.cat(owners)  # (J,)

    def variances(self, irs: Tensor, groups: Tensor) -> tuple[Tensor, Tensor]:
        """Return the variance around each centroid with members, (M, K), and the share of members, (M,)."""
        flat = irs.flatten(1)
        distance = torch.cdist(flat.detach(), self.means).masked_fill(groups[:, None] != self.groups, torch.inf)
        nearest = distance.argmin(1)
        member = functional.one_hot(nearest, len(self.means)).to(flat)  # (B, J)
        member = member * distance.amin(1, keepdim=True).isfinite()  # A class may have no centroid.
        present = member.sum(0) > 0
        error = (flat - self.means[nearest]).square()  # (B, K)
        member = member[:, present]
        counts = member.sum(0)  # (M,)
        fresh = (member.T @ flat.detach()) / counts[:, None]
        self.means[present] = MOMENTUM * self.means[present] + (1 - MOMENTUM) * fresh
        return (member.T @ error) / counts[:, None], counts / counts.sum()


def _cluster(flat: Tensor, clusters: int) -> Tensor:
    """Return the centroids (at most ``clusters``, K) of vectors (N, K), at least one, by Lloyd's algorithm."""
    means = flat[torch.randperm(len(flat)).to(flat.device)[:clusters]].clone()
    for _ in range(LLOYD_STEPS):
        nearest = torch.cdist(flat, means).argmin(1)
        for number in range(len(means)):
            members = flat[nearest == number]
            if len(members):
                means[number] = members.mean(0)
    return means


class Cem(Defense):
    """Train the client so that the image stays uncertain given the noisy IR (conditional entropy maximization).

    The client sends z = f1(x) + e with Gaussian e. The IRs of each class are described by ``clusters`` Gaussians; their
    entropies bound the information that z has about x, so training adds ``entropy_weight`` times the mean of
    log(1 + v / sigma^2) over coordinates, for the variance v of the IRs around the centroids. ``published=true`` takes
    the term of the published code, max(0, log((v + 0.0011) / 0.001)), which does not know the noise. The published
    lower bound on the error of attackers needs the entropy of images and cannot be computed, so there is no guarantee.
    Recommended sweep of the weight: 0.1, 0.3, 1, 3.

    Example: ``mia-bench run --defense cem --entropy-weight 0.1,1,3``

    Source: Xia et al., CVPR 2025, "Theoretical insights in model inversion robustness and conditional entropy
    maximization for collaborative inference systems". Their bottleneck of 8 channels is left out, and centroids follow
    the client in place of k-means in each epoch.
    """

    version: ClassVar[int] = 2
    stronger_with: ClassVar[Mapping[str, Literal[1, -1]]] = {"noise_scale": 1}
    guarantee: ClassVar[str] = "none"

    entropy_weight: float = Field(0.3, ge=0, description="weight of the mean logarithm of the variances")
    noise_scale: float = Field(
        0.3, gt=0, description="standard deviation of the noise, in units of that of the IR before training"
    )
    clusters: int = Field(3, ge=1, description="Gaussians that describe the IRs of a class")
    published: bool = Field(False, description="take the term of the published code, which does not know the noise")
    tuning_epochs: int = Field(2, ge=1, description=EPOCHS_HELP)

    def protect(self, model: SplitModel, train: ImageSet) -> SplitModel:
        """Return a copy of the model with noise on its IRs, trained with the term.

        Raises:
            Inapplicable: If the client has no weights.
        """
        protected = model.copy()
        sample = train[:CENTROID_IMAGES]
        encoded = frozen_encoder(protected.client, sample.images, cache=True)
        irs = encoded(torch.arange(len(sample), device=sample.images.device))
        sigma = self.noise_scale * unit_of(irs)
        centroids = Centroids(irs, _groups(train, sample.labels), self.clusters)
        protected = replace(protected, ir_channel=NoiseChannel(noise="gaussian", sigma=sigma, clip=None))

        def penalty(_images: Tensor, labels: Tensor, ir: Tensor, _logits: Tensor) -> Tensor:
            variances, shares = centroids.variances(ir, _groups(train, labels))
            return self.entropy_weight * (shares * self._term(variances, sigma).mean(1)).sum()

        train_jointly(protected, train, penalty, epochs=self.tuning_epochs)
        return protected

    def _term(self, variances: Tensor, sigma: float) -> Tensor:
        if not self.published:
            return torch.log1p(variances / sigma**2)
        added, floor = PUBLISHED_FLOORS
        return ((variances + added) / floor).log().clamp(min=0)


def _groups(train: ImageSet, labels: Tensor) -> Tensor:
    """Return the class of each image, (B,). Images without classes form one group."""
    if train.task == "classification":
        return labels
    return torch.zeros(len(labels), dtype=torch.int64, device=labels.device)
