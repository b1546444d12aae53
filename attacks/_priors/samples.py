"""Random images that explain a wire, by the steps of the search with noise between them."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from .._decoders.divided import Member
from .._inversion.posterior import Batch
from .half_quadratic import Alternation

ROUNDS = 12
"""Rounds of denoising and explaining for each sample."""
HIGHEST, LOWEST = 3.0, 0.1
"""Noise in the first and in the last round, in units of the error of the start."""
LARGEST_NOISE = 1.0
"""Noise in the first round, at most."""


@dataclass(frozen=True)
class Sampler:
    """Draws images from what the wire leaves open.

    A draw begins at the start with much noise. In each round it is denoised and moved to where it explains the wire.
    Then it gets less noise than before, some of it fresh. Where the wire determines the image, the noise does not
    matter; elsewhere the denoiser turns it into different details.

    Source: Zhu et al., CVPR Workshops 2023, "Denoising diffusion models for plug-and-play image restoration"
    (DiffPIR); the noise between rounds is that of Ho, Jain, Abbeel, NeurIPS 2020 (DDPM), for growing variance.

    Attributes:
        alternation: The client, the denoiser and the units.
        decoder: Gives the starts.
        weight: Of the prior.
    """

    alternation: Alternation
    decoder: Member
    weight: float

    def draw(self, wires: Sequence[Tensor], count: int) -> Iterator[list[Tensor]]:
        """Draw ``count`` images (N, C, H, W) for the wires (N, ...) of each fold and, if there are more, private ones.

        All wires get the same noise, so that the draws for one do not depend on the others.
        """
        batch = Batch.of(wires, self.decoder.rebuild(wires))
        for _ in range(count):
            yield list(self._drawn(batch).split([len(some) for some in wires]))

    def _drawn(self, batch: Batch) -> Tensor:
        search = self.alternation
        first = min(HIGHEST * search.error, LARGEST_NOISE)
        sigmas = torch.logspace(0, 1, ROUNDS, base=LOWEST * search.error / first).mul(first).tolist()
        noisy, each = batch.starts + first * torch.randn_like(batch.starts[:1]), -(-search.iterations // ROUNDS)
        images = batch.starts
        for sigma, lower in itertools.pairwise([*sigmas, 0.0]):
            clean = search.denoiser.denoise(noisy, sigma).clamp(0, 1)
            pull = torch.full((len(images),), self.weight / sigma**2, device=images.device)
            images = search.explain(clean, clean, batch.wires, pull, iterations=each)
            kept = (lower / sigma) ** 2
            fresh = lower * math.sqrt(1 - kept) * torch.randn_like(images[:1])
            noisy = images + kept * (noisy - images) + fresh
        return images
