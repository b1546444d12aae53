"""Maximum a posteriori: from a decoder's start to the image that explains the wire and resembles the prior."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ...benchmark.interfaces import Observation
from .._decoders.divided import decibels
from .._decoders.fitting import Rebuild, apply
from .._decoders.folds import Fitted
from .._decoders.queries import Queries
from .lbfgs import minimize
from .rmle import Distance, inverted_at_a_time
from .start import Start

Penalty = Callable[[Tensor], Tensor]
"""Maps images (N, C, H, W) to how unlikely they are, (N,)."""
Prior = Callable[[Tensor], Penalty]
"""Maps the starts of a search (N, C, H, W) to its penalty."""
WEIGHTS = (1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1.0)
"""Weights from which the prior's is chosen; clean wires want small ones, noisy ones those around 1."""
PILOT = 8
"""The attacker's own images on which the weight is chosen, in all."""
Pilot = tuple[Tensor, Tensor, Tensor]
"""Wires (P, ...), the images (P, C, H, W), and where the search of them starts (P, C, H, W)."""


@dataclass(frozen=True)
class Posterior:
    """What is minimized: misfit / ``misfit`` + weight * penalty / ``typical``, each image on its own.

    Attributes:
        client: maps images to clean IRs.
        distance: misfit of clean IRs (N, ...) with wires (N, ...), (N,).
        prior: what images are like.
        misfit: unit of the first term, the misfit of starts on images held out.
        typical: unit of the second, the penalty of true images held out.
    """

    client: nn.Module
    distance: Distance
    prior: Prior
    misfit: float = 1.0
    typical: float = 1.0

    def search(self, wires: Tensor, starts: Tensor, *, weight: Tensor, iterations: int) -> Tensor:
        """Minimize from ``starts`` (N, C, H, W) for ``wires`` (N, ...) with weights (N,)."""
        chunk = inverted_at_a_time(self.client, wires, starts[0])
        parts = []
        for part, start, each in zip(wires.split(chunk), starts.split(chunk), weight.split(chunk), strict=True):

            def loss(
                images: Tensor, places: Tensor, part: Tensor = part, start: Tensor = start, each: Tensor = each
            ) -> Tensor:
                fit = self.distance(self.client(images), part[places]) / self.misfit
                return fit + each[places] * self.prior(start[places])(images) / self.typical

            with torch.enable_grad():  # decoders are applied without
                parts.append(minimize(loss, start, iterations=iterations))
        return torch.cat(parts)


def fit_map(
    seen: Observation, start: Start, prior: Fitted[Prior], *, weight: float | None, iterations: int
) -> Fitted[Rebuild]:
    """Choose the weight of the prior on images that nothing was fitted to, and return the search with it.

    If no weight beats the start there, the start itself is returned.

    Args:
        seen: the client and the channel.
        start: the decoder that the search begins at, and the queries, as the channel reads them.
        prior: what images are like.
        weight: the prior's, in units in which a typical image weighs as much as the start's misfit; None: chosen.
        iterations: evaluations of the loss and its gradient.
    """
    assert seen.client is not None
    client = copy.deepcopy(seen.client).requires_grad_(False).eval()
    parts = start.queries.parts
    pilots = [_pilot(part, one, len(parts)) for part, one in zip(parts, start.decoder.each, strict=True)]
    with torch.no_grad():
        misfits = torch.cat([seen.channel.distance(client(starts), wires) for wires, _, starts in pilots])
        penalties = torch.cat([one(starts)(truth) for one, (_, truth, starts) in zip(prior.each, pilots, strict=True)])
    units = [max(unit.mean().item(), 1e-12) for unit in (misfits, penalties)]

    def posterior(one: Prior) -> Posterior:
        return Posterior(client, seen.channel.distance, one, *units)

    if weight is None:
        weight = _best_weight([posterior(one) for one in prior.each], pilots, (iterations + 1) // 2)
        if weight is None:
            return start.decoder
    chosen = weight

    def search(decoder: Rebuild, one: Prior) -> Rebuild:
        def rebuild(wires: Tensor) -> Tensor:
            each = torch.full((len(wires),), chosen, device=wires.device)
            return posterior(one).search(wires, apply(decoder, wires), weight=each, iterations=iterations)

        return rebuild

    each = tuple(search(decoder, one) for decoder, one in zip(start.decoder.each, prior.each, strict=True))
    return Fitted(each, search(start.decoder.final, prior.final))


def _pilot(queries: Queries, decoder: Rebuild, parts: int) -> Pilot:
    """Images to tune on, so many that all parts have ``PILOT``."""
    index = queries.tune[: max(1, PILOT // parts)]
    wires = queries.wires(index)
    return wires, queries.images[index], apply(decoder, wires)


def _best_weight(posteriors: Sequence[Posterior], pilots: Sequence[Pilot], iterations: int) -> float | None:
    """The weight with the highest mean PSNR over all pilots; None if their starts have a higher one."""
    totals = [0.0] * (1 + len(WEIGHTS))
    for posterior, (wires, truth, starts) in zip(posteriors, pilots, strict=True):
        tried = posterior.search(
            wires.repeat(len(WEIGHTS), *[1] * (wires.ndim - 1)),
            starts.repeat(len(WEIGHTS), 1, 1, 1),
            weight=torch.tensor(WEIGHTS, device=truth.device).repeat_interleave(len(truth)),
            iterations=iterations,
        )
        for index, images in enumerate((starts, *tried.split(len(truth)))):
            totals[index] += len(truth) * decibels(images, truth)
    best = max(range(len(totals)), key=totals.__getitem__)
    return WEIGHTS[best - 1] if best else None
