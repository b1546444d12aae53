"""Maximum a posteriori inversion: a search from a decoder's answer for the image that explains the wire."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from ...benchmark.interfaces import Observation
from ...benchmark.metrics import psnr
from .._decoders.divided import Member
from .._decoders.folds import num_to_invert
from .._limits import affordable_iterations
from .distance import balanced
from .map_priors import PriorFactory
from .posterior import Batch, Posterior
from .start import Start
from .tuning import NUM_PILOTS, SearchSetting, choose_setting

WEIGHTS = (1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1.0)
"""Candidate weights of the prior; small ones suit clean wires, those around 1 noisy ones."""
ITERATIONS = 300
"""Optimization steps, at most. Behind relu22 of the CIFAR-10 network, ``map_dec`` has 33.1, 34.4 and 35.0 dB after 100,
200 and 300 (30.8, 32.9 and 33.6 dB without a preconditioner), and behind relu32 19.0, 20.3 and 21.0 dB."""
CLEARLY_AHEAD = 0.5
"""Decibels by which a search must be ahead of a rival to be made as well. In 67 cells of the suite ``defenses``, one by
these priors was the best member in six, by at most 0.3 dB, and where the wire tells nearly everything, by 5 to 9."""


@dataclass(frozen=True)
class MapSearch:
    """A search with a chosen weight and number of steps, which starts from the answers of a decoder.

    Attributes:
        posterior: With the priors for the images that each fold judges on, and for the private ones.
        tuned: With the priors for the images that each fold tunes on.
        decoder: Gives the starts.
        setting: The weight of the prior, and how many steps are made.
    """

    posterior: Posterior
    tuned: Posterior
    decoder: Member
    setting: SearchSetting

    @property
    def client(self) -> nn.Module:
        """Return the client, which maps images to clean IRs."""
        return self.posterior.client

    def rebuild(self, wires: Sequence[Tensor]) -> list[Tensor]:
        """Search for the images (N, C, H, W) of all wires (N, ...) together, each by the prior of its fold."""
        return self._search(self.posterior, wires)

    def rebuild_held_out(self, wires: Sequence[Tensor]) -> list[Tensor]:
        """Search for the images (N, C, H, W) of wires (N, ...) of images that each fold holds out."""
        return self._search(self.tuned, wires)

    def _search(self, posterior: Posterior, wires: Sequence[Tensor]) -> list[Tensor]:
        batch = Batch.of(wires, self.decoder.rebuild(wires))
        weight = torch.full((len(batch.wires),), self.setting.weight, device=batch.wires.device)
        images = posterior.search(batch, weight=weight, iterations=self.setting.iterations)
        return list(images.split([len(some) for some in wires]))


def fit_map(
    seen: Observation,
    start: Start,
    priors: Mapping[str, PriorFactory],
    *,
    weight: float | None,
    iterations: int,
    rival: Sequence[float] = (),
) -> tuple[str, MapSearch] | None:
    """Choose a prior, its weight and the number of steps on held-out images; return the prior's name and the search.

    Returns None if no prior beats the start there and, by ``CLEARLY_AHEAD``, a rival.

    Args:
        seen: The client and the channel.
        start: The decoder that the search begins at, and the queries, as the channel reads them.
        priors: What images are like, by name.
        weight: Of the prior, in units in which a typical image weighs as much as the misfit of the start; None: chosen.
        iterations: Evaluations of the loss and its gradient, at most.
        rival: What another search reached on the same images up to each stop.
    """
    assert seen.client is not None
    client = copy.deepcopy(seen.client).requires_grad_(False).eval()
    client.to(memory_format=torch.channels_last)
    pilots, truth = tuning_batch(start)
    best = None
    iterations = affordable_iterations(client, truth[0], iterations)
    highest = max([psnr(pilots.starts, truth).mean().item(), *(level + CLEARLY_AHEAD for level in rival[-1:])])
    errors = (*start.errors.judge, start.errors.final)
    distance = balanced(seen.channel.distance, client, seen.aux.images)
    for name, factory in priors.items():
        prior = factory(start)
        tuned = Posterior(client, distance, prior.tune, errors=start.errors.tune).scaled(pilots, truth)
        if weight is None:
            setting = _best_setting(tuned, pilots, truth, iterations, rival)
        else:
            setting = SearchSetting(weight, iterations)
        if setting.decibels > highest:
            highest, rival = setting.decibels, setting.reached
            posterior = replace(tuned, priors=(*prior.judge, prior.final), errors=errors)
            best = name, MapSearch(posterior, tuned, start.decoder, setting)
    return best


def tuning_batch(start: Start) -> tuple[Batch, Tensor]:
    """Return wires to tune on, ``NUM_PILOTS`` or fewer over all folds, and their images (P, C, H, W)."""
    parts = start.queries.parts
    count = max(1, num_to_invert(NUM_PILOTS, parts[0].images[0]) // len(parts))
    chosen = [part.tune[:count] for part in parts]
    wires = [part.wires(index) for part, index in zip(parts, chosen, strict=True)]
    return Batch.of(wires, start.decoder.rebuild(wires)), torch.cat(
        [part.images[index] for part, index in zip(parts, chosen, strict=True)]
    )


def _best_setting(
    posterior: Posterior, pilots: Batch, truth: Tensor, iterations: int, rival: Sequence[float]
) -> SearchSetting:
    """Return the weight and the number of steps with the highest mean PSNR over all pilots."""
    weight = torch.tensor(WEIGHTS, device=truth.device).repeat(len(truth))
    searches = list(posterior.searches(pilots.repeated(len(WEIGHTS)), weight=weight))
    return choose_setting(searches, truth, WEIGHTS, iterations=iterations, rival=rival)
