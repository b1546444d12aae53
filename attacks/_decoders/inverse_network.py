"""The inverse networks of He et al., generalized to any IR."""

from __future__ import annotations

import itertools
import math
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from .._units import TINY
from .grid import Grid, far_origins
from .layers import Standardize, vector_grid
from .wire_layout import WireLayout

MAX_MEASURED_IMAGES = 100
"""Images whose neighborhoods are measured, at most."""
MAX_NEIGHBORHOOD_NUMBERS = 2**28
"""Numbers of all their neighborhoods, at most (2 GB in double precision)."""
MAX_PATCH_FEATURES = 2000
"""Numbers of a neighborhood up to which they are made uncorrelated; beyond, only the channels are."""
NO_VARIANCE = 1e-12
"""Variance that neighborhoods count as that do not vary."""
KERNEL_SIZE = 5
"""Side of the kernels, as in the paper's networks for LeNet-5."""


class InverseNetwork(nn.Module):
    """Map an IR to pixels by transposed convolutions, without an output activation.

    For a spatial IR, one convolution at its own resolution (transposed with stride 1 is the same) that may grow it by
    four cells, as the inverse of a convolution without padding does, then one of stride 2 for each halving of the
    resolution in the client. On LeNet-5 these are the paper's networks: ConvT5(8-1) at conv1; ConvT5(16-w), ReLU,
    ConvT5 stride 2 (w-1) at relu2. Tokens and channels-last IRs become maps first. For vectors, for which the paper has
    no network, a dense layer to blocks of pixels comes first.

    Source: He, Zhang, Lee, ACSAC 2019, section 5, and its official code.

    Example:
        >>> wires, images = torch.rand(4, 8, 16, 16), torch.rand(4, 3, 32, 32)
        >>> InverseNetwork(wires, images, width=8)(wires).shape
        torch.Size([4, 3, 32, 32])
    """

    def __init__(self, sample: Tensor, images: Tensor, width: int, layout: WireLayout | None = None) -> None:
        """Build for wires like ``sample`` (K, ...), perhaps of a known layout, and ``images`` (K, C, H, W)."""
        super().__init__()
        self.image = cast(tuple[int, int, int], tuple(images.shape[1:]))
        self.layout = layout or WireLayout.of(sample.shape[1:], image=self.image)
        sample = self.layout.to_maps(sample)
        self.dense: nn.Module | None = None
        self.standardize = Standardize(sample)
        if self.layout.grid is not None:
            self.grid = Grid.blocks_of(2 ** int(math.log2(self.layout.grid.stride)), self.image[1:])
        else:
            self.grid = vector_grid(sample[0].numel(), self.image, width)
            cells = (width, self.grid.rows, self.grid.columns)
            self.dense = nn.Sequential(
                nn.Flatten(), nn.Linear(sample[0].numel(), math.prod(cells)), nn.ReLU(), nn.Unflatten(1, cells)
            )
        doublings = int(math.log2(self.grid.stride))
        widths = [*[width] * doublings, self.image[0]]
        if self.dense is None and not doublings:
            first: nn.Module = WhitenedConv(sample, widths[0])
        else:
            channels = sample.shape[1] if self.dense is None else width
            first = nn.Conv2d(channels, widths[0], KERNEL_SIZE, padding=KERNEL_SIZE - 1)
        self.layers = nn.ModuleList([first])
        for before, after in itertools.pairwise(widths):
            self.layers.append(nn.ConvTranspose2d(before, after, KERNEL_SIZE, stride=2, output_padding=1))
        with torch.no_grad():  # begins at the mean gray
            cast(Tensor, self.layers[-1].bias).fill_(images.mean())

    def forward(self, wires: Tensor) -> Tensor:
        """Decode wires (N, ...) to images (N, C, H, W), not clamped."""
        wires = self.layout.to_maps(wires)
        if self.layout.grid is not None and self.layout.grid.stride != self.grid.stride:
            wires = functional.interpolate(wires, (self.grid.rows, self.grid.columns), mode="bilinear")
        linear = isinstance(self.layers[0], WhitenedConv)
        maps = wires if linear else self.standardize(wires)
        maps = maps if self.dense is None else self.dense(maps)
        stride = self.grid.stride
        for index, layer in enumerate(self.layers):
            stride = stride // 2 if index else stride
            maps = layer(maps)
            rows, columns = -(-self.image[1] // stride), -(-self.image[2] // stride)
            last = index == len(self.layers) - 1
            maps = _cropped(maps, rows, columns, pad=last)
            maps = maps if last else maps.relu()
        return maps


class WhitenedConv(nn.Module):
    """Convolve with weights that multiply uncorrelated features, so that gradient descent converges.

    At MNIST conv1 whole neighborhoods reached 45 dB in six passes, uncorrelated channels alone 29 dB in eight.
    """

    def __init__(self, sample: Tensor, outputs: int) -> None:
        """Measure the neighborhoods of some maps (K, C, h, w)."""
        super().__init__()
        channels, origins = sample.shape[1], far_origins(sample)
        whiten_all = channels * KERNEL_SIZE**2 <= MAX_PATCH_FEATURES  # else only the channels are whitened
        side = KERNEL_SIZE if whiten_all else 1
        cells = (sample.shape[2] + side - 1) * (sample.shape[3] + side - 1)
        sample = sample[: max(1, min(MAX_MEASURED_IMAGES, MAX_NEIGHBORHOOD_NUMBERS // (channels * side**2 * cells)))]
        rows = functional.unfold(sample - origins, side, padding=side - 1).movedim(1, 0).flatten(1).double()
        values, vectors = torch.linalg.eigh(torch.cov(rows).view(len(rows), len(rows)))
        largest = values.max().item()
        scale = values.clamp(min=1e-6 * (largest if largest > TINY else NO_VARIANCE)).rsqrt()
        self.side, self.kernel_shape = side, (channels, KERNEL_SIZE, KERNEL_SIZE)
        self.register_buffer("matrix", ((vectors * scale) @ vectors.T).float())  # (C * side^2, C * side^2)
        self.register_buffer("origins", origins)
        self.register_buffer("mean", rows.mean(1).float())
        self.weight = nn.Parameter(torch.empty(outputs, channels * KERNEL_SIZE**2))
        nn.init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        self.bias = nn.Parameter(torch.zeros(outputs))

    def forward(self, wires: Tensor) -> Tensor:
        """Convolve (N, C, h, w) to (N, outputs, h + 4, w + 4)."""
        matrix, mean = cast(Tensor, self.matrix), cast(Tensor, self.mean)
        wires = wires - cast(Tensor, self.origins)
        if self.side > 1:
            kernel = self.weight @ matrix
            bias = self.bias - kernel @ mean
            return functional.conv2d(wires, kernel.unflatten(1, self.kernel_shape), bias, padding=KERNEL_SIZE - 1)
        white = functional.conv2d(wires - mean[:, None, None], matrix[:, :, None, None])
        return functional.conv2d(white, self.weight.unflatten(1, self.kernel_shape), self.bias, padding=KERNEL_SIZE - 1)


def _cropped(maps: Tensor, rows: int, columns: int, *, pad: bool) -> Tensor:
    """Cut maps (N, C, h, w) to at most (rows, columns), equally on both sides; with ``pad`` also pad them to it."""
    target = (rows, columns) if pad else (min(rows, maps.shape[2]), min(columns, maps.shape[3]))
    return Grid(1, *target, *target).place(maps)
