"""Choice of the prior's weight for a search with a denoiser."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ...benchmark.interfaces import Observation
from ...benchmark.metrics import psnr
from .._decoders.divided import Member
from .._inversion.distance import balanced
from .._inversion.map import WEIGHTS, tuning_batch
from .._inversion.posterior import Batch
from .._inversion.start import Start
from .._units import least_mean_unit
from .denoiser import Denoiser
from .half_quadratic import Alternation


@dataclass(frozen=True)
class DenoisedSearch:
    """A search with a chosen weight, which starts from the answers of a decoder.

    Attributes:
        alternation: The client, the denoiser and the units.
        decoder: Gives the starts.
        weight: Of the prior.
        helps: Whether it is better than the decoder on held-out images.
    """

    alternation: Alternation
    decoder: Member
    weight: float
    helps: bool

    def rebuild(self, wires: Sequence[Tensor]) -> list[Tensor]:
        """Search for the images (N, C, H, W) of all wires (N, ...) together."""
        if not self.helps:
            return self.decoder.rebuild(wires)
        batch = Batch.of(wires, self.decoder.rebuild(wires))
        weight = torch.full((len(batch.wires),), self.weight, device=batch.wires.device)
        return list(self.alternation.search(batch, weight).split([len(some) for some in wires]))


def fit_denoised(
    seen: Observation, start: Start, denoiser: Denoiser, *, weight: float | None, iterations: int
) -> DenoisedSearch:
    """Choose the weight of the prior on held-out images, and return the search with it.

    If no weight beats the decoder there, the search answers what the decoder does.

    Args:
        seen: The client and the channel.
        start: The decoder that the search begins at, and the queries, as the channel reads them.
        denoiser: Learned from images that are not held out.
        weight: Of the prior; None: chosen.
        iterations: Evaluations of the loss and its gradient.
    """
    assert seen.client is not None
    client = copy.deepcopy(seen.client).requires_grad_(False).eval()
    pilots, truth = tuning_batch(start)
    distance = balanced(seen.channel.distance, client, seen.aux.images)
    with torch.no_grad():
        misfit = distance(client(pilots.starts), pilots.wires).mean().item()
    error = (pilots.starts - truth).square().mean().sqrt().item()
    alternation = Alternation(
        client,
        distance,
        denoiser,
        misfit=max(misfit, least_mean_unit(pilots.wires, 1e-12)),
        error=max(error, 1e-4),
        iterations=iterations,
        errors=start.errors.final,
    )
    helps = True
    if weight is None:
        weight, helps = _best_weight(alternation, pilots, truth)
    return DenoisedSearch(alternation, start.decoder, weight, helps)


def _best_weight(alternation: Alternation, pilots: Batch, truth: Tensor) -> tuple[float, bool]:
    """Return the weight with the highest mean PSNR over all pilots, and whether that of their starts is lower."""
    weight = torch.tensor(WEIGHTS, device=truth.device).repeat(len(truth))
    images = alternation.search(pilots.repeated(len(WEIGHTS)), weight)
    reached = psnr(images, truth.repeat_interleave(len(WEIGHTS), 0)).view(-1, len(WEIGHTS)).mean(0)
    best = int(reached.argmax())
    return WEIGHTS[best], bool(reached[best] > psnr(pilots.starts, truth).mean())
