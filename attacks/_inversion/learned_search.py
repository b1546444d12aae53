"""A search that begins at a decoder's answer, with total variation and a Gaussian as the prior."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ...benchmark.interfaces import Observation
from .._decoders.divided import Member
from .._decoders.folds import affordable
from .cosine_covariance import CosineCovariance
from .rmle import invert
from .searches import MAX_SCALE_IMAGES, searches
from .start import Start
from .tv_gaussian import TvGaussianPrior
from .weight_search import NUM_PILOTS, Choice, Pilot, choose


@dataclass(frozen=True)
class LearnedSearch:
    """The search and the weight that suit the attacker's images best, applied from the answers of a decoder.

    Attributes:
        client: Maps images to clean IRs.
        choice: The search and the weight.
        decoder: Gives the starts.
        priors: Of each fold and, if there are several, of all images.
        errors: The covariance of the errors of the decoder, for each prior.
        iterations: Evaluations of the loss and its gradient.
    """

    client: nn.Module
    choice: Choice
    decoder: Member
    priors: Sequence[TvGaussianPrior]
    errors: Sequence[CosineCovariance]
    iterations: int

    def rebuild(self, wires: Sequence[Tensor]) -> list[Tensor]:
        """Search for the images (N, C, H, W) of wires (N, ...), those of each fold by its own prior."""
        search, tv = self.choice.search, self.choice.tv
        return [
            invert(self.client, search, some, prior, tv=tv, iterations=self.iterations, starts=begin, errors=errors)
            for some, prior, begin, errors in zip(
                wires, self.priors, self.decoder.rebuild(wires), self.errors, strict=False
            )
        ]


def fit_search(seen: Observation, start: Start, *, iterations: int) -> Member:
    """Choose a search and the weight of the prior on held-out images, from the answers of the decoder.

    Args:
        seen: The client and the channel.
        start: The decoder that the search begins at, and the queries, as the channel reads them.
        iterations: Evaluations of the loss and its gradient.
    """
    assert seen.client is not None
    parts, whole = start.queries.parts, start.queries.whole
    image = whole.images[0]
    count = max(1, affordable(NUM_PILOTS, image) // len(parts))
    wires = [part.wires(part.tune[:count]) for part in parts]
    priors = [TvGaussianPrior(part.images[: part.own]) for part in parts]
    pilots = []
    begins = start.decoder.rebuild(wires)
    for part, some, prior, begin, errors in zip(parts, wires, priors, begins, start.errors.tune, strict=True):
        pair = (some, part.images[part.tune[:count]])
        pilots.append(Pilot(prior, pair, pair, begin, errors))
    sample = parts[0].wires(torch.arange(min(MAX_SCALE_IMAGES, parts[0].own), device=image.device))
    tried = searches(seen.channel.distance, sample, image)
    choice = choose(seen.client, tried, pilots, iterations=iterations)
    final = priors[0] if len(parts) == 1 else TvGaussianPrior(whole.images[: whole.own])
    errors = [*start.errors.judge, start.errors.final]
    return LearnedSearch(seen.client, choice, start.decoder, [*priors, final], errors, iterations)
