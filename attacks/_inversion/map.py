"""Maximum a posteriori inversion: a search from a decoder's answer for the image that explains the wire."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ...benchmark.interfaces import Observation
from ...benchmark.metrics import psnr
from .._decoders.divided import Member
from .._decoders.folds import affordable
from .map_priors import Priors
from .posterior import Batch, Posterior
from .start import Start

WEIGHTS = (1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1.0)
"""Candidate weights of the prior; small ones suit clean wires, those around 1 noisy ones."""
ITERATIONS = 300
"""Optimization steps, at most. Behind relu22 of the CIFAR-10 network, ``map_dec`` has 33.1, 34.4 and 35.0 dB after 100,
200 and 300 (30.8, 32.9 and 33.6 dB without a preconditioner), and behind relu32 19.0, 20.3 and 21.0 dB."""
NUM_PILOTS = 8
"""The attacker's images on which the weight is chosen, over all folds."""


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
        seen: The client and the channel.
        start: The decoder that the search begins at, and the queries, as the channel reads them.
        priors: What images are like.
        weight: Of the prior, in units in which a typical image weighs as much as the misfit of the start; None: chosen.
        iterations: Evaluations of the loss and its gradient.
    """
    assert seen.client is not None
    client = copy.deepcopy(seen.client).requires_grad_(False).eval()
    client.to(memory_format=torch.channels_last)
    pilots, truth = tuning_batch(start)
    posterior = Posterior(client, seen.channel.distance, priors.tune, errors=start.errors.tune).scaled(pilots, truth)
    if weight is None:
        weight = _best_weight(posterior, pilots, truth, iterations)
    if weight is None:
        return start.decoder
    errors = (*start.errors.judge, start.errors.final)
    posterior = replace(posterior, priors=(*priors.judge, priors.final), errors=errors)
    return MapSearch(posterior, start.decoder, weight, iterations)


def tuning_batch(start: Start) -> tuple[Batch, Tensor]:
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
