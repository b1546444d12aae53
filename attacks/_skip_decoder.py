"""The linear decoder and a trained correction of it."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from ._decoder import Rebuild, Recipe, Spread, Standardize, apply, train_decoder
from ._linear_decoder import LinearDecoder
from ._queries import Queries

ENOUGH = 3e-5
"""A squared error (45 dB) of the linear decoder below which there is nothing left to correct."""


class SkipNetwork(nn.Module):
    """A linear decoder, held fixed, plus a correction by convolutions that begins at zero.

    With the closed-form map below it, the network starts where a linear attack ends, and cannot be under-trained.
    """

    def __init__(self, linear: nn.Module, sample: Tensor, images: Tensor, width: int) -> None:
        """Build for wires like ``sample`` (K, ...) and images like ``images`` (K, C, H, W)."""
        super().__init__()
        image = cast(tuple[int, int, int], tuple(images.shape[1:]))
        self.linear = linear
        self.standardize = Standardize(sample)
        self.spread = Spread(tuple(sample.shape[1:]), image, width, finest=2)
        block = image[0] * self.spread.grid.stride**2
        self.correct = nn.Sequential(
            nn.Conv2d(self.spread.channels + block, width, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(width, width, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(width, width, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(width, block, 3, padding=1),
        )
        for parameter in self.correct[-1].parameters():
            nn.init.zeros_(parameter)

    def forward(self, wires: Tensor) -> Tensor:
        """Decode wires (N, ...) to images (N, C, H, W), not yet clamped."""
        return self.corrected(self.linear(wires).clamp(0, 1), wires)

    def corrected(self, images: Tensor, wires: Tensor) -> Tensor:
        """Correct the linear decoder's answers (N, C, H, W) to wires (N, ...)."""
        grid = self.spread.grid
        maps = torch.cat([self.spread(self.standardize(wires)), grid.blocks(images) - 0.5], 1)
        return images + grid.images(self.correct(maps))


def fit_skip(queries: Queries, linear: LinearDecoder, recipe: Recipe) -> Rebuild:
    """Train a correction of a linear decoder; the linear decoder itself if the images held out prefer it.

    Args:
        queries: images and their wires.
        linear: the best linear decoder of them.
        recipe: how to train.
    """
    if linear.error < ENOUGH:
        return linear.decode
    network = SkipNetwork(linear.module(), queries.sample(), queries.images, recipe.channels)
    starts = apply(network.linear, queries.kept) if queries.kept is not None else None  # once, not in every pass

    def predict(batch: Tensor) -> Tensor:
        wires = queries.wires(batch)
        return network(wires) if starts is None else network.corrected(starts[batch], wires)

    train_decoder(network, queries, recipe, predict=predict)
    held = queries.held_out
    wires, truth = queries.wires(held), queries.images[held]  # the same draw of the noise for both
    corrected, plain = ((apply(decoder, wires) - truth).square().mean().item() for decoder in (network, linear.decode))
    return network if corrected <= plain else linear.decode
