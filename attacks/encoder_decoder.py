"""The augmented-image attack of Benkraouda and Nahrstedt: an encoder-decoder network."""

from typing import ClassVar, cast

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from ..benchmark.interfaces import Access, Attack, Observation
from ._decoders.fitting import DecoderRecipe, decode, train_decoder
from ._decoders.folds import Fold, divide_once
from ._decoders.layers import Standardize, lay_out
from ._decoders.queries import Queries
from ._decoders.wire_layout import WireLayout

MIN_PASS_STEPS = 67
"""Steps of a pass, at least, which by default makes 200 in all."""


class EncoderDecoder(Attack):
    """Choose images to send, and train an encoder-decoder network from their IRs to the images.

    The attacker sends its own images and as many made from them: mirrored, blended in pairs, blurred. The network
    narrows the IR to a quarter of its height and width and widens it again, with skip connections, to pixels through
    a sigmoid. The abstract fixes only "encoder-decoder on image-IR pairs"; the rest is ours.

    Example:
        ``mia-bench run --attack encoder_decoder --defense tee``

    Source: Benkraouda & Nahrstedt, DistributedML 2021, "Image reconstruction attacks on distributed ML models".
    """

    version: ClassVar[int] = 9
    access: ClassVar[Access] = Access.BLACK_BOX

    epochs: int = Field(3, ge=1, description="passes over the augmented images, at most")
    steps: int = Field(2000, ge=1, description="batches, at most")
    batch_size: int = Field(64, ge=1, description="pairs in a batch, at most")
    learning_rate: float = Field(4e-3, gt=0, description="peak of the one-cycle rate")
    channels: int = Field(16, ge=1, description="channels at the widest level of the network")

    def reconstruct(self, seen: Observation) -> Tensor:
        """Query augmented images, train the network and return its images (N, C, H, W)."""
        fold = divide_once(len(seen.aux), seen.aux.sources)
        held = seen.aux.images[torch.cat([fold.tune, fold.judge]).to(seen.aux.images.device)]
        more = augmented(seen.aux.images[fold.fit.to(held.device)])
        every = Queries(seen, torch.cat([held, more]))
        fit, rest = torch.arange(len(held), len(every)), torch.arange(len(held))
        queries = every.part(Fold(fit, rest[:0], rest))
        images = queries.images[: queries.trainable]
        network = BottleneckNetwork(queries.sample(), images, self.channels, queries.layout)
        recipe = DecoderRecipe(
            self.epochs, self.steps, self.batch_size, self.learning_rate, self.channels, MIN_PASS_STEPS
        )
        train_decoder(network, queries, recipe)
        return decode(network, queries, seen.aux.images.mean(0))


def augmented(images: Tensor) -> Tensor:
    """Return the images (K, C, H, W) and K more, shuffled: a third each mirrored, blended with another or blurred."""
    base = images[torch.randperm(len(images)).to(images.device)]
    mirrored, blended, blurred = base.tensor_split(3)
    partner = blended[torch.randperm(len(blended)).to(images.device)]
    made = torch.cat([mirrored.flip(3), (blended + partner) / 2, functional.avg_pool2d(blurred, 3, 1, 1)])
    return torch.cat([images, made])[torch.randperm(2 * len(images)).to(images.device)]


class BottleneckNetwork(nn.Module):
    """Narrow a wire in two levels to a bottleneck, and widen it in two, with skip connections, to pixels in [0, 1].

    Example:
        >>> wires, images = torch.rand(4, 8, 16, 16), torch.rand(4, 3, 16, 16)
        >>> BottleneckNetwork(wires, images, width=8)(wires).shape
        torch.Size([4, 3, 16, 16])
    """

    def __init__(self, sample: Tensor, images: Tensor, width: int, layout: WireLayout | None = None) -> None:
        """Build for wires like ``sample`` (K, ...), perhaps of a known layout, and ``images`` (K, C, H, W)."""
        super().__init__()
        image = cast(tuple[int, int, int], tuple(images.shape[1:]))
        self.layout = layout or WireLayout.of(sample.shape[1:], image=image)
        self.standardize = Standardize(self.layout.to_maps(sample))
        self.cells = lay_out(self.layout, image, width, finest=2)
        self.enter = _convolution(self.cells.channels, width)
        self.down = nn.ModuleList(
            [_convolution(width, 2 * width, stride=2), _convolution(2 * width, 4 * width, stride=2)]
        )
        self.up = nn.ModuleList([_convolution(6 * width, 2 * width), _convolution(3 * width, width)])
        self.leave = nn.Conv2d(width, image[0] * self.cells.grid.stride**2, 3, padding=1)
        nn.init.zeros_(self.leave.weight)  # begins at the mean gray, which keeps the sigmoid away from saturation
        nn.init.constant_(cast(Tensor, self.leave.bias), torch.logit(images.mean(), eps=1e-3).item())

    def forward(self, wires: Tensor) -> Tensor:
        """Decode wires (N, ...) to images (N, C, H, W) in [0, 1]."""
        levels = [self.enter(self.cells(self.standardize(self.layout.to_maps(wires))))]
        for down in self.down:
            levels.append(down(levels[-1]))
        maps = levels.pop()
        for up in self.up:
            skipped = levels.pop()
            maps = up(torch.cat([functional.interpolate(maps, skipped.shape[2:]), skipped], 1))
        return self.cells.grid.images(self.leave(maps)).sigmoid()


def _convolution(inputs: int, outputs: int, *, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(inputs, outputs, 3, stride, 1), nn.ReLU())
