"""Choice of the prior's weight, by inverting wires of some of the attacker's own images."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from .._decoders.folds import Fold, affordable
from .._shrinkage import trust
from .rmle import invert
from .searches import Search
from .tv_gaussian import TvGaussianPrior

WEIGHTS = (0.001, 0.01, 0.1, 0.3, 1.0, 3.0)
"""Weights from which the prior's is chosen; on MNIST conv1 wants the first, relu2 the third, noisy relu2 the fifth."""
CLEAR_GAIN = 0.3
"""Decibels by which another search must be better than the usual one, since few images are tried."""
NUM_PILOTS = 8
"""The attacker's images on which the weight is chosen, over all folds; the result is judged on as many others."""


@dataclass(frozen=True)
class Pilot:
    """Held-out images of one fold, with their wires.

    Attributes:
        prior: fitted to those that are not tried, (K, C, H, W).
        tune: wires (P, ...) and images (P, C, H, W) on which the weight is chosen.
        judge: wires and images on which the result is judged.
        starts: where the search for the former begins, (P, C, H, W); None: at the mean image.
    """

    prior: TvGaussianPrior
    tune: tuple[Tensor, Tensor]
    judge: tuple[Tensor, Tensor]
    starts: Tensor | None = None

    @classmethod
    def of(cls, images: Tensor, fold: Fold, send: Callable[[Tensor], Tensor], *, share: int = 1) -> Pilot:
        """Send some of the images (K, C, H, W) that a fold holds out: one ``share``-th of ``NUM_PILOTS``."""
        count = max(1, affordable(NUM_PILOTS, images[0]) // share)
        tune, judge = (images[index[:count].to(images.device)] for index in (fold.tune, fold.judge))
        return cls(TvGaussianPrior(images[fold.fit.to(images.device)]), (send(tune), tune), (send(judge), judge))


@dataclass(frozen=True)
class Choice:
    """What reconstructs the attacker's own images best.

    Attributes:
        search: the distance and the optimizer.
        tv: weight of the prior.
        decibels: mean PSNR that they reach.
    """

    search: Search
    tv: float
    decibels: float


def choose(client: nn.Module, tried: Sequence[Search], pilots: Sequence[Pilot], *, iterations: int) -> Choice:
    """Return the search and the weight with the highest mean PSNR on images of the attacker.

    The weights of each search are compared after half of the iterations, and the searches after all of them, since
    some are faster at first. Another search than the first must be better by ``CLEAR_GAIN``.

    Args:
        client: maps images to clean IRs.
        tried: the searches.
        pilots: images of the attacker with their wires, and priors that were not fitted to them.
        iterations: evaluations of the loss and its gradient of the whole search.
    """
    found = [_best_weight(client, search, pilots, WEIGHTS, iterations=(iterations + 1) // 2) for search in tried]
    if len(found) == 1:
        return found[0]
    whole = [_best_weight(client, each.search, pilots, (each.tv,), iterations=iterations) for each in found]
    best = max(whole, key=lambda choice: choice.decibels)
    return best if best.decibels > whole[0].decibels + CLEAR_GAIN else whole[0]


def _best_weight(
    client: nn.Module, search: Search, pilots: Sequence[Pilot], weights: Sequence[float], *, iterations: int
) -> Choice:
    """Return the best weight for one search."""
    errors = []
    for pilot in pilots:
        wire, truth = pilot.tune
        repeated = wire.repeat(len(weights), *[1] * (wire.ndim - 1))  # (weights * P, ...)
        each = torch.tensor(weights, device=truth.device).repeat_interleave(len(truth))
        starts = None if pilot.starts is None else pilot.starts.repeat(len(weights), 1, 1, 1)
        images = invert(client, search, repeated, pilot.prior, tv=each, iterations=iterations, starts=starts)
        error = (images - truth.repeat(len(weights), 1, 1, 1)).square().flatten(1).mean(1)
        errors.append(error.view(len(weights), -1))
    decibels = -10 * torch.cat(errors, 1).clamp(min=1e-10).log10().mean(1)  # (weights,)
    best = int(decibels.argmax())
    return Choice(search, weights[best], decibels[best].item())


def trusted(client: nn.Module, choice: Choice, pilots: Sequence[Pilot], *, iterations: int) -> float:
    """Return how far to trust reconstructions, by other images of the attacker, with the arguments of ``choose``."""
    rebuilt = [
        invert(client, choice.search, pilot.judge[0], pilot.prior, tv=choice.tv, iterations=iterations)
        for pilot in pilots
    ]
    truth = torch.cat([pilot.judge[1] for pilot in pilots])
    means = torch.cat([pilot.prior.mean.expand_as(pilot.judge[1]) for pilot in pilots])
    return trust(torch.cat(rebuilt), truth, means)
