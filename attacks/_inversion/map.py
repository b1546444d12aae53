"""Maximum a posteriori inversion: a search from a decoder's answer for the image that explains the wire."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from ...benchmark.interfaces import Observation
from ...benchmark.metrics import psnr
from .._decoders.divided import Member
from .._decoders.folds import affordable
from .lbfgs import minimize
from .map_priors import Prior, Priors
from .rmle import Distance, inverted_at_a_time
from .start import Start

WEIGHTS = (1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1.0)
"""Candidate weights of the prior; small ones suit clean wires, those around 1 noisy ones."""
NUM_PILOTS = 8
"""The attacker's images on which the weight is chosen, over all folds."""


@dataclass(frozen=True)
class Batch:
    """Wires that are searched together, in the order of their folds.

    Attributes:
        wires: (N, ...).
        starts: where the search begins, (N, C, H, W).
        fold: which of the priors holds for each, (N,), in ascending order.
    """

    wires: Tensor
    starts: Tensor
    fold: Tensor

    @classmethod
    def of(cls, wires: Sequence[Tensor], starts: Sequence[Tensor]) -> Batch:
        """Join the wires (n, ...) and the starts (n, C, H, W) of each fold."""
        counts = torch.tensor([len(some) for some in wires], device=wires[0].device)
        fold = torch.arange(len(wires), device=counts.device).repeat_interleave(counts)
        return cls(torch.cat(list(wires)), torch.cat(list(starts)), fold)

    def repeated(self, times: int) -> Batch:
        """Repeat each wire."""
        return Batch(*(each.repeat_interleave(times, 0) for each in (self.wires, self.starts, self.fold)))

    def split(self, count: int) -> list[Batch]:
        """Divide it into batches of ``count`` wires."""
        parts = (each.split(count) for each in (self.wires, self.starts, self.fold))
        return [Batch(*each) for each in zip(*parts, strict=True)]


@dataclass(frozen=True)
class Posterior:
    """The function to minimize for each image, misfit / ``misfit`` + weight * penalty / ``typical``.

    Attributes:
        client: maps images to clean IRs.
        distance: misfit of clean IRs (N, ...) with wires (N, ...), (N,).
        priors: what images are like, for each fold and, if any are searched for, for the private images.
        misfit: unit of the first term, the misfit of starts on images held out.
        typical: unit of the second, the penalty of true images held out.
    """

    client: nn.Module
    distance: Distance
    priors: Sequence[Prior]
    misfit: float = 1.0
    typical: float = 1.0

    @classmethod
    def scaled(
        cls, client: nn.Module, distance: Distance, priors: Sequence[Prior], pilots: Batch, truth: Tensor
    ) -> Posterior:
        """Measure the units on images held out and their true values (N, C, H, W)."""
        plain = cls(client, distance, priors)
        with torch.no_grad():
            misfit = distance(client(pilots.starts), pilots.wires).mean().item()
            typical = plain.penalty(truth, pilots.starts, pilots.fold).mean().item()
        return cls(client, distance, priors, max(misfit, 1e-12), max(typical, 1e-12))

    def penalty(self, images: Tensor, starts: Tensor, fold: Tensor) -> Tensor:
        """Compute how unlikely images (N, C, H, W) are, each by the prior of its fold, (N,)."""
        counts = fold.bincount(minlength=len(self.priors)).tolist()
        parts = zip(self.priors, images.split(counts), starts.split(counts), strict=True)
        return torch.cat([prior.penalty(some, near) for prior, some, near in parts if len(some)])

    def search(self, batch: Batch, *, weight: Tensor, iterations: int) -> Tensor:
        """Minimize for a batch with weights (N,) and return the images (N, C, H, W)."""
        chunk = inverted_at_a_time(self.client, batch.wires, batch.starts[0])
        parts = []
        for part, weights in zip(batch.split(chunk), weight.split(chunk), strict=True):

            def loss(images: Tensor, index: Tensor, part: Batch = part, weights: Tensor = weights) -> Tensor:
                fit = self.distance(self.client(images), part.wires[index]) / self.misfit
                penalty = self.penalty(images, part.starts[index], part.fold[index])
                return fit + weights[index] * penalty / self.typical

            with torch.enable_grad():  # decoders are applied without
                parts.append(minimize(loss, part.starts, iterations=iterations))
        return torch.cat(parts)


@dataclass(frozen=True)
class MapSearch:
    """A search with a chosen weight, which starts from the answers of a decoder."""

    posterior: Posterior
    decoder: Member
    weight: float
    iterations: int

    def rebuild(self, wires: Sequence[Tensor]) -> list[Tensor]:
        """Search for the images (N, C, H, W) of all wires (N, ...) together, each by the prior of its fold."""
        batch = Batch.of(wires, self.decoder.rebuild(wires))
        weight = torch.full((len(batch.wires),), self.weight, device=batch.wires.device)
        images = self.posterior.search(batch, weight=weight, iterations=self.iterations)
        return list(images.split([len(some) for some in wires]))


def fit_map(seen: Observation, start: Start, priors: Priors, *, weight: float | None, iterations: int) -> Member:
    """Choose the weight of the prior on held-out images, and return the search with it.

    If no weight beats the start there, the decoder itself is returned.

    Args:
        seen: the client and the channel.
        start: the decoder that the search begins at, and the queries, as the channel reads them.
        priors: what images are like.
        weight: of the prior, in units in which a typical image weighs as much as the misfit of the start; None: chosen.
        iterations: evaluations of the loss and its gradient.
    """
    assert seen.client is not None
    client = copy.deepcopy(seen.client).requires_grad_(False).eval()
    pilots, truth = _pilots(start)
    posterior = Posterior.scaled(client, seen.channel.distance, priors.tune, pilots, truth)
    if weight is None:
        weight = _best_weight(posterior, pilots, truth, (iterations + 1) // 2)
    if weight is None:
        return start.decoder
    posterior = replace(posterior, priors=(*priors.judge, priors.final))
    return MapSearch(posterior, start.decoder, weight, iterations)


def _pilots(start: Start) -> tuple[Batch, Tensor]:
    """Return wires to tune on, ``NUM_PILOTS`` or fewer over all folds, and their images (P, C, H, W)."""
    parts = start.queries.parts
    count = max(1, affordable(NUM_PILOTS, parts[0].images[0]) // len(parts))
    chosen = [part.tune[:count] for part in parts]
    wires = [part.wires(index) for part, index in zip(parts, chosen, strict=True)]
    return Batch.of(wires, start.decoder.rebuild(wires)), torch.cat(
        [part.images[index] for part, index in zip(parts, chosen, strict=True)]
    )


def _best_weight(posterior: Posterior, pilots: Batch, truth: Tensor, iterations: int) -> float | None:
    """Return the weight with the highest mean PSNR over all pilots; None if their starts have a higher one."""
    weight = torch.tensor(WEIGHTS, device=truth.device).repeat(len(truth))
    images = posterior.search(pilots.repeated(len(WEIGHTS)), weight=weight, iterations=iterations)
    reached = psnr(images, truth.repeat_interleave(len(WEIGHTS), 0)).view(-1, len(WEIGHTS)).mean(0)
    best = int(reached.argmax())
    return WEIGHTS[best] if reached[best] > psnr(pilots.starts, truth).mean() else None
