"""The search that alternates between a denoiser and the wire, and random draws by the same steps."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from .._inversion.cosine_covariance import CosineCovariance
from .._inversion.distance import Distance
from .._inversion.lbfgs import minimize
from .._inversion.posterior import Batch
from .._inversion.rmle import inverted_at_a_time
from .denoiser import Denoiser

LEVELS = (1.0, 0.5, 0.35, 0.25, 0.18)
"""Noise that the denoiser assumes in each round, in units of the error of the start. The reciprocal squares are 1, 4,
8, 16 and 32, as in EPLL."""


@dataclass(frozen=True)
class Alternation:
    """Half-quadratic splitting: minimize misfit(x) / ``misfit`` + weight * mean((x - z)^2) / sigma^2 over x and z.

    ``z`` is the denoised ``x``; ``x`` is found by L-BFGS. Noise levels fall from round to round.

    Source: Zoran & Weiss, ICCV 2011, "From learning models of natural image patches to whole image restoration";
    Venkatakrishnan, Bouman, Wohlberg, GlobalSIP 2013, "Plug-and-play priors for model based reconstruction".

    Attributes:
        client: Maps images to clean IRs; frozen.
        distance: Misfit of clean IRs (N, ...) with wires (N, ...), (N,).
        denoiser: What images are like.
        misfit: Unit of the misfit: that of starts on images held out.
        error: Root mean squared error of these starts.
        iterations: Evaluations of the loss and its gradient, over all rounds.
        errors: The covariance of those of the decoder that gave the starts, as the preconditioner of the search.
    """

    client: nn.Module
    distance: Distance
    denoiser: Denoiser
    misfit: float
    error: float
    iterations: int
    errors: CosineCovariance

    def search(self, batch: Batch, weight: Tensor) -> Tensor:
        """Search from the starts of a batch with weights (N,) and return images (N, C, H, W) in [0, 1]."""
        images, each = batch.starts, -(-self.iterations // len(LEVELS))
        for level in LEVELS:
            sigma = level * self.error
            clean = self.denoiser.denoise(images, sigma)
            images = self.explain(images, clean, batch.wires, weight / sigma**2, iterations=each)
        return images

    def explain(self, images: Tensor, clean: Tensor, wires: Tensor, weight: Tensor, *, iterations: int) -> Tensor:
        """Minimize misfit(x) / ``misfit`` + weight * mean((x - clean)^2) from images (N, C, H, W)."""
        chunk = inverted_at_a_time(self.client, wires, images[0])
        parts = []
        for start, goal, wire, pull in zip(
            *(each.split(chunk) for each in (images, clean, wires, weight)), strict=True
        ):

            def loss(
                images: Tensor, index: Tensor, goal: Tensor = goal, wire: Tensor = wire, pull: Tensor = pull
            ) -> Tensor:
                fit = self.distance(self.client(images), wire[index]) / self.misfit
                return fit + pull[index] * (images - goal[index]).square().flatten(1).mean(1)

            parts.append(minimize(loss, start, iterations=iterations, preconditioner=self.errors))
        return torch.cat(parts)
