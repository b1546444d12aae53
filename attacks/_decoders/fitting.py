"""Training of decoders, and their application."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from ...benchmark.training import fit
from .._limits import forward_batch_size, least_steps
from .._shrinkage import Judged, shrink_to_mean, shrinkage_factor
from .._units import LEAST_ERROR
from .folds import Fitted
from .queries import Queries

SMALL_BATCH_PIXELS = 2**14
"""Pixels of a batch that is made smaller so that few images take more steps, since every position of an image is an
example. Twice as many take twice as long and gave the same on MNIST with 20 to 300 images."""
MIN_BATCH_IMAGES = 4
"""Images in such a batch, at least."""

Rebuild = Callable[[Tensor], Tensor]
"""Maps wires (N, ...) to images (N, C, H, W)."""


@dataclass(frozen=True)
class DecoderRecipe:
    """How a decoder is trained. The defaults were chosen with ``ridge_skip`` on MNIST relu2.

    Attributes:
        epochs: Passes over the queries, at most.
        steps: Batches, at most.
        batch_size: Pairs in a batch, at most.
        learning_rate: The peak of the cycle.
        channels: Channels of the network.
        least: Steps of a pass, at least, if there are few queries and ``steps`` allows it.
        map_factor: By what passes and channels are multiplied for wires that are maps.

    Example:
        >>> DecoderRecipe(epochs=4, steps=500).batch_size
        64
    """

    epochs: int = 8
    steps: int = 2400
    batch_size: int = 64
    learning_rate: float = 5e-3
    channels: int = 32
    least: int = 25
    map_factor: int = 1

    def for_maps(self) -> DecoderRecipe:
        """Return the recipe for wires that are maps."""
        return replace(self, epochs=self.map_factor * self.epochs, channels=self.map_factor * self.channels)


class Decoders(Fitted[Rebuild]):
    """Decoders fitted to each fold, and the final one."""

    def rebuild(self, wires: Sequence[Tensor]) -> list[Tensor]:
        """Decode wires (N, ...) for each fold, and perhaps the private ones, to images (N, C, H, W) in [0, 1]."""
        return [apply(one, some) for one, some in zip((*self.each, self.final), wires, strict=False)]


def log_error(images: Tensor, truth: Tensor) -> Tensor:
    """Compute the mean logarithm of the squared error of each image, which is minus their mean PSNR, up to a factor."""
    return ((images - truth).square().flatten(1).mean(1) + LEAST_ERROR).log().mean()


def train_decoder(
    network: nn.Module,
    queries: Queries,
    recipe: DecoderRecipe,
    *,
    predict: Callable[[Tensor], Tensor] | None = None,
    error: Callable[[Tensor, Tensor], Tensor] = nn.functional.mse_loss,
) -> None:
    """Minimize the error of the pixels over the images that are not held out, in place, within a budget.

    There are at most ``recipe.steps`` batches, and no more queries than an expensive client allows. If the wire is
    random, every batch is sent anew.

    Args:
        network: Maps wires (N, ...) to images (N, C, H, W).
        queries: The images and their wires.
        recipe: How long and how fast to train.
        predict: Maps indices of queries (B,) to the network's images, if there is a shorter way than by their wires.
        error: Of images (B, C, H, W) and the true ones.

    Example:
        >>> network = InverseNetwork(queries.sample(), queries.images, 16)  # doctest: +SKIP
        >>> train_decoder(network, queries, DecoderRecipe(steps=500))  # doctest: +SKIP
    """
    network.to(queries.images.device, memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    most = recipe.steps * recipe.batch_size
    if not queries.kept:
        most = min(most, queries.affordable)
    count = min(queries.trainable, most)
    passes = max(1, min(recipe.epochs, recipe.steps, most // count))
    batch_size = recipe.batch_size
    if count // batch_size < recipe.least:
        smallest = -(-count // (recipe.steps // passes))
        small = max(MIN_BATCH_IMAGES, SMALL_BATCH_PIXELS // queries.images[0, 0].numel(), smallest)
        batch_size = min(batch_size, small)

    def loss(batch: Tensor) -> Tensor:
        images = predict(batch) if predict else network(queries.wires(batch))
        return error(images, queries.images[batch])

    fit(
        network.parameters(),
        loss,
        count=count,
        epochs=passes,
        batch_size=batch_size,
        learning_rate=recipe.learning_rate,
        least=least_steps(
            recipe.least,
            passes=passes,
            most=recipe.steps,
            allowed=None if queries.kept else queries.affordable,
        ),
    )


def decode(decoder: Rebuild, queries: Queries, mean: Tensor) -> Tensor:
    """Apply a fitted decoder to the private wires, shrunk as far as the held-out images require.

    Args:
        decoder: Maps wires (N, ...) to images (N, C, H, W).
        queries: The private wires, and the attacker's own images with theirs.
        mean: The mean of the attacker's images, (C, H, W).

    Returns:
        Images (N, C, H, W) in [0, 1].

    Example:
        >>> images = decode(network, queries, seen.aux.images.mean(0))  # doctest: +SKIP
    """
    held = queries.held_out
    factor = shrinkage_factor(Judged(apply(decoder, queries.wires(held)), queries.images[held], queries.mean))
    return shrink_to_mean(apply(decoder, queries.observed), mean, factor).contiguous()


def apply(decoder: Rebuild, wires: Tensor) -> Tensor:
    """Decode wires (N, ...), some at a time, to images (N, C, H, W) in [0, 1]."""
    if isinstance(decoder, nn.Module):
        decoder.eval()
    with torch.no_grad():
        return torch.cat([decoder(part) for part in wires.split(forward_batch_size(wires[0]))]).clamp(0, 1)
