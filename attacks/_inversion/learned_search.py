"""A search that begins at a decoder's answer, with total variation and a Gaussian as the prior."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor, nn

from ...benchmark.interfaces import Observation
from .._decoders.divided import Member
from .._decoders.folds import num_to_invert
from .cosine_covariance import CosineCovariance
from .distance import Distance, balanced
from .rmle import invert
from .start import Start
from .tuning import NUM_PILOTS, SearchSetting
from .tv_gaussian import TvGaussianPrior
from .weight_search import Pilot, best_setting


@dataclass(frozen=True)
class LearnedSearch:
    """A search with the settings that suit the attacker's images best, from the answers of a decoder.

    Attributes:
        client: Maps images to clean IRs.
        distance: Misfit of clean IRs with wires.
        setting: The weight of the prior, and how many steps are made.
        decoder: Gives the starts.
        priors: Of each fold and, if there are several, of all images.
        errors: The covariance of the errors of the decoder, for each prior.
    """

    client: nn.Module
    distance: Distance
    setting: SearchSetting
    decoder: Member
    priors: Sequence[TvGaussianPrior]
    errors: Sequence[CosineCovariance]

    def rebuild(self, wires: Sequence[Tensor]) -> list[Tensor]:
        """Search for the images (N, C, H, W) of wires (N, ...), those of each fold by its own prior."""
        client, distance, setting = self.client, self.distance, self.setting
        tv, iterations = setting.weight, setting.iterations
        return [
            invert(client, distance, some, prior, tv=tv, iterations=iterations, starts=begin, errors=errors)
            for some, prior, begin, errors in zip(
                wires, self.priors, self.decoder.rebuild(wires), self.errors, strict=False
            )
        ]

    def rebuild_held_out(self, wires: Sequence[Tensor]) -> list[Tensor]:
        """Search for the images (N, C, H, W) of wires (N, ...) of images that each fold holds out."""
        return self.rebuild(wires)


def fit_search(seen: Observation, start: Start, *, iterations: int) -> LearnedSearch:
    """Choose the weight of the prior and the number of steps on held-out images, from the answers of the decoder.

    Args:
        seen: The client and the channel.
        start: The decoder that the search begins at, and the queries, as the channel reads them.
        iterations: Evaluations of the loss and its gradient, at most.
    """
    assert seen.client is not None
    parts, whole = start.queries.parts, start.queries.whole
    count = max(1, num_to_invert(NUM_PILOTS, whole.images[0]) // len(parts))
    wires = [part.wires(part.tune[:count]) for part in parts]
    priors = [TvGaussianPrior(part.images[: part.own]) for part in parts]
    pilots = []
    begins = start.decoder.rebuild(wires)
    for part, some, prior, begin, errors in zip(parts, wires, priors, begins, start.errors.tune, strict=True):
        pilots.append(Pilot(prior, some, part.images[part.tune[:count]], begin, errors))
    distance = balanced(seen.channel.distance, seen.client, whole.images[: whole.own])
    setting = best_setting(seen.client, distance, pilots, iterations=iterations)
    final = priors[0] if len(parts) == 1 else TvGaussianPrior(whole.images[: whole.own])
    errors = [*start.errors.judge, start.errors.final]
    return LearnedSearch(seen.client, distance, setting, start.decoder, [*priors, final], errors)
