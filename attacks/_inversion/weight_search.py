"""Choice of the prior's weight, by inverting wires of some of the attacker's own images."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from .._decoders.folds import Fold, affordable
from .._shrinkage import trust
from .rmle import Distance, invert
from .tv_gaussian import TvGaussianPrior

WEIGHTS = (0.001, 0.01, 0.1, 0.3, 1.0, 3.0)
"""Weights from which the prior's is chosen; on MNIST conv1 wants the first, relu2 the third, noisy relu2 the fifth."""
NUM_PILOTS = 8
"""The attacker's images on which the weight is chosen, over all folds; the result is judged on as many others."""


@dataclass(frozen=True)
class Pilot:
    """Held-out images of one fold, with their wires.

    Attributes:
        prior: fitted to those that are not tried, (K, C, H, W).
        tune: wires (P, ...) and images (P, C, H, W) on which the weight is chosen.
        judge: wires and images on which the result is judged.
    """

    prior: TvGaussianPrior
    tune: tuple[Tensor, Tensor]
    judge: tuple[Tensor, Tensor]

    @classmethod
    def of(cls, images: Tensor, fold: Fold, send: Callable[[Tensor], Tensor], *, share: int = 1) -> Pilot:
        """Send some of the images (K, C, H, W) that a fold holds out: one ``share``-th of ``NUM_PILOTS``."""
        count = max(1, affordable(NUM_PILOTS, images[0]) // share)
        tune, judge = (images[index[:count].to(images.device)] for index in (fold.tune, fold.judge))
        return cls(TvGaussianPrior(images[fold.fit.to(images.device)]), (send(tune), tune), (send(judge), judge))


def choose_weight(
    client: nn.Module, distance: Distance, pilots: Sequence[Pilot], *, iterations: int
) -> tuple[float, float]:
    """Return the weight with the highest mean PSNR on images of the attacker, and how far to trust the result.

    Args:
        client: maps images to clean IRs.
        distance: misfit of clean IRs (N, ...) with wires (N, ...), (N,).
        pilots: images of the attacker with their wires, and priors that were not fitted to them.
        iterations: evaluations of the loss and its gradient.
    """
    errors = []
    for pilot in pilots:
        wire, truth = pilot.tune
        repeated = wire.repeat(len(WEIGHTS), *[1] * (wire.ndim - 1))  # (weights * P, ...)
        each = torch.tensor(WEIGHTS, device=truth.device).repeat_interleave(len(truth))
        images = invert(client, distance, repeated, pilot.prior, tv=each, iterations=iterations)
        error = (images - truth.repeat(len(WEIGHTS), 1, 1, 1)).square().flatten(1).mean(1)
        errors.append(error.view(len(WEIGHTS), -1))
    best = WEIGHTS[int(torch.cat(errors, 1).clamp(min=1e-10).log().mean(1).argmin())]
    rebuilt = [
        invert(client, distance, pilot.judge[0], pilot.prior, tv=best, iterations=iterations) for pilot in pilots
    ]
    truth = torch.cat([pilot.judge[1] for pilot in pilots])
    means = torch.cat([pilot.prior.mean.expand_as(pilot.judge[1]) for pilot in pilots])
    return best, trust(torch.cat(rebuilt), truth, means)
