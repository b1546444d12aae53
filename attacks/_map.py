"""Maximum a posteriori: from a decoder's start to the image that explains the wire and resembles the prior."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..benchmark.interfaces import Observation
from ._decoder import Rebuild, apply
from ._inversion import Distance, inverted_at_a_time
from ._lbfgs import minimize
from ._start import Start

Penalty = Callable[[Tensor], Tensor]
"""Maps images (N, C, H, W) to how unlikely they are, (N,)."""
Prior = Callable[[Tensor], Penalty]
"""Maps the starts of a search (N, C, H, W) to its penalty."""
WEIGHTS = (1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1.0)
"""Weights from which the prior's is chosen; clean wires want small ones, noisy ones those around 1."""
JUDGES = 32
"""Others, on which an inversion is judged."""
PILOT = 8
"""The attacker's own images on which the weight is chosen."""


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


def fit_map(seen: Observation, start: Start, prior: Prior, *, weight: float | None, iterations: int) -> Rebuild:
    """Choose the weight of the prior on images held out, and return the search with it.

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
    index = start.queries.held_out[:PILOT]
    wires, truth = start.queries.wires(index), start.queries.images[index]
    starts = apply(start.decoder, wires)
    with torch.no_grad():
        misfit = seen.channel.distance(client(starts), wires).mean().item()
        typical = prior(starts)(truth).mean().item()
    posterior = Posterior(client, seen.channel.distance, prior, max(misfit, 1e-12), max(typical, 1e-12))

    def rebuild(private: Tensor, weight: float) -> Tensor:
        each = torch.full((len(private),), weight, device=private.device)
        return posterior.search(private, apply(start.decoder, private), weight=each, iterations=iterations)

    if weight is not None:
        return lambda private: rebuild(private, weight)
    each = torch.tensor(WEIGHTS, device=truth.device).repeat_interleave(len(truth))
    tried = posterior.search(
        wires.repeat(len(WEIGHTS), *[1] * (wires.ndim - 1)),
        starts.repeat(len(WEIGHTS), 1, 1, 1),
        weight=each,
        iterations=(iterations + 1) // 2,
    )
    scores = [decibels(images, truth) for images in (starts, *tried.split(len(truth)))]
    best = max(range(len(scores)), key=scores.__getitem__)
    if best == 0:
        return start.decoder
    chosen = WEIGHTS[best - 1]
    return lambda private: rebuild(private, chosen)


def decibels(images: Tensor, truth: Tensor) -> float:
    """Mean PSNR."""
    errors = (images - truth).square().flatten(1).mean(1)
    return -10 * errors.clamp(min=1e-10).log10().mean().item()
