"""A decoder of vectors: dense layers to coarse maps, and convolutions that refine them."""

from __future__ import annotations

from typing import cast

from torch import Tensor, nn

from .grid import Grid
from .layers import CorrectedDecoder, Standardize, vector_grid

HIDDEN = 512
"""Numbers between the two dense layers."""
FINEST = 2
"""Pixels on a side of the blocks that the last convolution gives."""


class VectorNetwork(CorrectedDecoder):
    """A fixed linear decoder plus a correction by dense layers and upsampling convolutions that starts at zero.

    Two dense layers lead to maps with one cell for each block of pixels, and each transposed convolution doubles their
    resolution and halves their channels. At ``fc_before_send:width=16`` on MNIST relu2 this network reached more than
    1 dB above one dense layer and three convolutions of constant resolution.
    """

    def __init__(self, linear: nn.Module, sample: Tensor, images: Tensor, width: int) -> None:
        """Build for wires like ``sample`` (K, ...) and images like ``images`` (K, C, H, W)."""
        super().__init__()
        image = cast(tuple[int, int, int], tuple(images.shape[1:]))
        self.linear = linear
        self.standardize = Standardize(sample.flatten(1))
        coarse = vector_grid(HIDDEN, image, width)
        self.cells = (width, coarse.rows, coarse.columns)
        self.enter = nn.Sequential(
            nn.Linear(sample[0].numel(), HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, width * coarse.rows * coarse.columns)
        )
        layers: list[nn.Module] = [nn.ReLU()]
        stride, rows, columns = coarse.stride, coarse.rows, coarse.columns
        while stride > FINEST:
            layers += [nn.ConvTranspose2d(width, max(16, width // 2), 4, stride=2, padding=1), nn.ReLU()]
            width, stride, rows, columns = max(16, width // 2), stride // 2, rows * 2, columns * 2
        last = nn.Conv2d(width, image[0] * stride**2, 3, padding=1)
        self.refine = nn.Sequential(*layers, nn.Conv2d(width, width, 3, padding=1), nn.ReLU(), last)
        self.grid = Grid(stride, rows, columns, image[1], image[2])
        nn.init.zeros_(last.weight)
        nn.init.zeros_(cast(Tensor, last.bias))

    def corrected(self, images: Tensor, wires: Tensor) -> Tensor:
        """Correct the linear decoder's answers (N, C, H, W) to wires (N, ...)."""
        maps = self.enter(self.standardize(wires.flatten(1))).unflatten(1, self.cells)
        return images + self.grid.images(self.refine(maps))
