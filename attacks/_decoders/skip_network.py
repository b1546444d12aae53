"""The linear decoder and a trained correction of it."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import cast

import torch
from torch import Tensor, nn

from ...benchmark.utils.ir_layout import IrLayout
from .divided import Divided
from .fitting import DecoderRecipe, Decoders, Rebuild, apply, log_error, train_decoder
from .folds import Fitted
from .kernel import MAX_VECTOR_NUMBERS, fit_kernel
from .layers import CorrectedDecoder, Standardize, correcting_layers, lay_out
from .linear import LinearDecoder, decoders
from .queries import Queries
from .unseen import answers_to_learn_from
from .vector_network import VectorNetwork
from .wire_layout import WireLayout

EXACT_MSE = 3e-5
"""Squared error (45 dB) of the linear decoder below which no correction is trained."""
Train = Callable[[Queries, LinearDecoder, DecoderRecipe, Tensor | None], Rebuild]
"""Trains a correction of a linear decoder, perhaps of its answers (K, C, H, W) to the queries."""
Held = Sequence[tuple[Tensor, Tensor]]
"""Wires (T, ...) and images (T, C, H, W) to tune on, of each fold."""
VECTOR_WIDTH = 2
"""Channels of the network for vectors at its coarsest level, in those of the recipe; each finer one has half."""
VECTOR_RATE = 0.4
"""Its learning rate, in that of the recipe."""
SMALL_GAIN = 0.95
"""Share of the linear decoder's error above which training is repeated at half the rate. At some seeds, the units of
the network die when the rate is highest, and the linear decoder is left: at relu22 of the CIFAR-10 network, 4 dB less.
Training at half the rate from the start gives 0.1 dB less on MNIST."""
VECTOR_STEPS = 2
"""Its steps, at most, in those of the recipe; they are divided among folds, since even few images have many copies."""
MAX_COARSE_CELLS = 16
"""Cells of maps that are also decoded as vectors are, at most, since each tells of much of the image. With 2,000 images
of MNIST, ``ridge_skip`` gained 3.5 dB by that behind 2x2 cells of 16 numbers (images of 16x16), and 0.5 dB behind 4x4;
with 64 images the network for vectors was 1.5 dB worse there, so folds have none."""
MAX_COARSE_NUMBERS = 256
"""Numbers of these maps, at most. With 1,024 numbers and color images of 32x32, the kernel regression takes minutes."""
COARSE_PASSES = 2.5
"""Passes over them, in those of the recipe. As many more again brought nothing."""


class SkipNetwork(CorrectedDecoder):
    """A fixed linear decoder plus a correction by convolutions that starts at zero.

    The network thus starts from the result of the linear attack and cannot be worse for lack of training.
    """

    def __init__(
        self, linear: nn.Module, sample: Tensor, images: Tensor, width: int, layout: WireLayout | None = None
    ) -> None:
        """Build for wires like ``sample`` (K, ...), perhaps of a known layout, and ``images`` (K, C, H, W)."""
        super().__init__()
        image = cast(tuple[int, int, int], tuple(images.shape[1:]))
        self.linear = linear
        self.layout = layout or WireLayout.of(sample.shape[1:], image=image)
        self.standardize = Standardize(self.layout.to_maps(sample))
        self.enter = lay_out(self.layout, image, width, finest=2)
        block = image[0] * self.enter.grid.stride**2
        self.correct = correcting_layers(self.enter.channels + block, width, block)

    def corrected(self, images: Tensor, wires: Tensor) -> Tensor:
        """Correct the linear decoder's answers (N, C, H, W) to wires (N, ...)."""
        grid = self.enter.grid
        maps = torch.cat([self.enter(self.standardize(self.layout.to_maps(wires))), grid.blocks(images) - 0.5], 1)
        return images + grid.images(self.correct(maps))


def fit_skip(queries: Divided, linear: Fitted[LinearDecoder], recipe: DecoderRecipe) -> Decoders:
    """Train a correction of a linear decoder; the linear decoder itself if the images to tune on prefer it.

    A correction is trained for each fold, as long as those before it have helped. The final decoder is the mean of
    them all, which is as good as one more that is trained on all images. For vectors of up to
    ``kernel.MAX_VECTOR_NUMBERS`` a kernel ridge regression, or its mean with the corrected decoder, may be preferred
    if there are enough images for a single fold: with 20 and 64 of MNIST it cost 0.1 dB at `fc_before_send:width=16`.
    Maps of few cells are then decoded in both ways, as maps and as vectors.

    Args:
        queries: Images and their wires.
        linear: The best linear decoder of them.
        recipe: How to train.
    """
    held = [(part.wires(part.tune), part.images[part.tune]) for part in queries.parts]  # so that all get the same noise
    plain = decoders(linear)
    if _error(plain.each, held) < EXACT_MSE:
        return plain
    layout = queries.whole.layout.ir
    single = len(queries.parts) == 1
    if layout.spatial and not (single and _coarse(layout)):
        return _corrected(queries, linear, recipe.for_maps(), held, _trained)
    if layout.spatial:
        longer = replace(recipe, epochs=math.ceil(COARSE_PASSES * recipe.epochs))
    else:
        longer = replace(recipe, steps=max(1, VECTOR_STEPS * recipe.steps // len(queries.parts)))
    network = _corrected(queries, linear, longer, held, _trained_on_vectors)
    if not single or queries.whole.observed[0].numel() > MAX_VECTOR_NUMBERS:
        return network
    kernel = fit_kernel(queries.whole)
    candidates = [_mean((network.final, kernel)), kernel, network.final]
    if layout.spatial:
        candidates.append(_corrected(queries, linear, recipe.for_maps(), held, _trained).final)
    best = min(candidates, key=lambda decoder: _error((decoder,), held))
    return Decoders((best,), best)


def _corrected(
    queries: Divided, linear: Fitted[LinearDecoder], recipe: DecoderRecipe, held: Held, train: Train
) -> Decoders:
    plain, trained, gain = decoders(linear), list[Rebuild](), 0.0
    for part, start, own, pair in zip(queries.parts, linear.each, plain.each, held, strict=True):
        least = _error([own], [pair])
        decoder, error = _repeated_training(part, start, recipe, pair, train, enough=SMALL_GAIN * least)
        trained.append(decoder)
        gain += (least - error) * len(pair[0])
        if not gain >= 0:  # or it is not a number
            return plain
    return Decoders(tuple(trained), trained[0] if len(trained) == 1 else _mean(trained))


def _repeated_training(
    queries: Queries,
    linear: LinearDecoder,
    recipe: DecoderRecipe,
    held: tuple[Tensor, Tensor],
    train: Train,
    *,
    enough: float,
) -> tuple[Rebuild, float]:
    """Train, again at half the rate if the error on images to tune on is not small enough, and return the better one.

    Returns:
        The decoder and its error.
    """
    starts = answers_to_learn_from(linear, queries) if queries.kept else None  # once, not in every pass
    tried = list[tuple[Rebuild, float]]()
    for slower in (1, 2):
        slow = replace(recipe, learning_rate=recipe.learning_rate / slower)
        decoder = train(queries, linear, slow, starts)
        tried.append((decoder, _error([decoder], [held])))
        if tried[-1][1] <= enough:
            break
    return min(tried, key=operator.itemgetter(1))


def _mean(decoders: Sequence[Rebuild]) -> Rebuild:
    """Return a decoder whose answer is the mean of those of several."""

    def rebuild(wires: Tensor) -> Tensor:
        return torch.stack([apply(one, wires) for one in decoders]).mean(0)

    return rebuild


def _coarse(layout: IrLayout) -> bool:
    """Return whether the cells of maps are so few that each tells of much of the image."""
    return layout.rows * layout.columns <= MAX_COARSE_CELLS and math.prod(layout.shape) <= MAX_COARSE_NUMBERS


def _error(decoders: Sequence[Rebuild], held: Held) -> float:
    """Return the mean squared error; infinity for decoders whose training diverged, so that they are never the best."""
    errors = [apply(one, wires) - truth for one, (wires, truth) in zip(decoders, held, strict=True)]
    error = torch.cat(errors).square().mean().item()
    return error if math.isfinite(error) else math.inf


def _trained(queries: Queries, linear: LinearDecoder, recipe: DecoderRecipe, starts: Tensor | None) -> Rebuild:
    images = queries.images[: queries.trainable]
    network = SkipNetwork(linear.module(), queries.sample(), images, recipe.channels, queries.layout)
    train_decoder(network, queries, recipe, predict=_correcting(network, queries, starts))
    return network


def _trained_on_vectors(
    queries: Queries, linear: LinearDecoder, recipe: DecoderRecipe, starts: Tensor | None
) -> Rebuild:
    images = queries.images[: queries.trainable]
    network = VectorNetwork(linear.module(), queries.sample(), images, VECTOR_WIDTH * recipe.channels)
    recipe = replace(recipe, learning_rate=recipe.learning_rate * VECTOR_RATE)
    train_decoder(network, queries, recipe, predict=_correcting(network, queries, starts), error=log_error)
    return network


def _correcting(network: CorrectedDecoder, queries: Queries, starts: Tensor | None) -> Callable[[Tensor], Tensor]:
    """Return what answers queries (B,) by a correction of ``starts`` (K, C, H, W), or of the network's own start."""

    def predict(batch: Tensor) -> Tensor:
        wires = queries.wires(batch)
        return network(wires) if starts is None else network.corrected(starts[batch], wires)

    return predict
