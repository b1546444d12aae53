"""Choice of the settings of a search with total variation, by inverting wires of some of the attacker's own images."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from .._decoders.folds import Fold, num_to_invert
from .._limits import affordable_iterations
from .._shrinkage import Judged, shrinkage_factor_of_search
from .cosine_covariance import CosineCovariance
from .distance import Distance
from .rmle import inversions, invert
from .tuning import NUM_PILOTS, SearchSetting, choose_setting
from .tv_gaussian import TvGaussianPrior

WEIGHTS = (0.001, 0.01, 0.1, 0.3, 1.0, 3.0)
"""Weights from which the prior's is chosen; on MNIST conv1 wants the first, relu2 the third, noisy relu2 the fifth."""


@dataclass(frozen=True)
class Pilot:
    """Held-out images of one fold, with their wires.

    Attributes:
        prior: Fitted to those that are not tried, (K, C, H, W).
        wires: (P, ...).
        images: (P, C, H, W).
        starts: Where the search begins, (P, C, H, W); None: at the mean image.
        errors: The covariance of true images minus starts, as far as the wire leaves it open; None: that of images.
    """

    prior: TvGaussianPrior
    wires: Tensor
    images: Tensor
    starts: Tensor | None = None
    errors: CosineCovariance | None = None

    @classmethod
    def of(cls, images: Tensor, fold: Fold, send: Callable[[Tensor], Tensor], *, share: int) -> tuple[Pilot, Pilot]:
        """Send images (K, C, H, W) that a fold holds out: to tune and to judge on, each a share of ``NUM_PILOTS``."""
        count = max(1, num_to_invert(NUM_PILOTS, images[0]) // share)
        tune, judge = (images[index[:count].to(images.device)] for index in (fold.tune, fold.judge))
        prior = TvGaussianPrior(images[fold.fit.to(images.device)])
        return cls(prior, send(tune), tune), cls(prior, send(judge), judge)


def best_setting(client: nn.Module, distance: Distance, pilots: Sequence[Pilot], *, iterations: int) -> SearchSetting:
    """Return the weight of the prior, and the number of steps, with the highest mean PSNR on images of the attacker.

    Args:
        client: Maps images to clean IRs.
        distance: Misfit of clean IRs with wires.
        pilots: Images of the attacker with their wires, and priors that were not fitted to them.
        iterations: Evaluations of the loss and its gradient of the whole search.
    """
    truth, times = torch.cat([pilot.images for pilot in pilots]), len(WEIGHTS)
    searches = [
        search
        for pilot in pilots
        for search in inversions(
            client,
            distance,
            pilot.wires.repeat_interleave(times, 0),  # (P * weights, ...)
            pilot.prior,
            tv=torch.tensor(WEIGHTS, device=truth.device).repeat(len(pilot.images)),
            starts=None if pilot.starts is None else pilot.starts.repeat_interleave(times, 0),
            errors=pilot.errors,
        )
    ]
    iterations = affordable_iterations(client, truth[0], iterations)
    return choose_setting(searches, truth, WEIGHTS, iterations=iterations)


def held_out_shrinkage_factor(
    client: nn.Module, distance: Distance, pilots: Sequence[Pilot], *, tv: float, iterations: int
) -> float:
    """Return the shrinkage factor of reconstructions with a weight: by own images on which it was not chosen."""
    judged = []
    for pilot in pilots:
        rebuilt = invert(
            client,
            distance,
            pilot.wires,
            pilot.prior,
            tv=tv,
            iterations=iterations,
            starts=pilot.starts,
            errors=pilot.errors,
        )
        judged.append(Judged(rebuilt, pilot.images, pilot.prior.mean))
    return shrinkage_factor_of_search(*judged)
