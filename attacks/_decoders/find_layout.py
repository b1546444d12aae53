"""The layout of wires whose shape alone does not tell it, found by linear decoders."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ...benchmark.metrics.linear_error import STRENGTHS
from ...benchmark.utils.ir_layout import CLEAR_MISFIT, IrLayout
from ...benchmark.utils.least_squares import Equations
from ...benchmark.utils.seeding import seeded
from .._limits import sample_size
from .patch import PatchMap, neighborhoods
from .wire_layout import WireLayout

SAMPLE = 64
"""Images that layouts are compared on, at most. Half of them are fitted to, and the others are rebuilt."""
CLEARLY = 0.8
"""Ratio of squared errors below which another layout replaces the usual one. Behind LeNet-5 on MNIST, that of maps and
of the same numbers as a vector is 0.01 at conv1, 0.6 at relu2 and 0.75 at pool2, and wrong layouts leave 0.9 of the
variance or more."""
LEAST_CELLS = 4
"""Cells down and across maps that a vector is read as, at least. Coarser maps are decoded as vectors in any case."""
MAX_SHAPES = 16
"""Numbers of rows and columns that are tried, at most."""
MAX_ROWS = 1024
"""Cells that are fitted to, about."""
SIDES = ((3, 600), (1, math.inf))
"""Cells down and across a neighborhood, and the numbers up to which they are used."""


def find_layout(shape: torch.Size, images: Tensor, send: Callable[[Tensor], Tensor]) -> WireLayout:
    """Return how wires of a shape (...) lie on images (K, C, H, W).

    The usual layout follows from the shape. A vector may be flattened maps, with the channels first or last, and maps
    may have another stride than a power of two. Another layout is taken if a linear decoder with it rebuilds images
    clearly better. No image is sent if the usual layout is the only one.

    Args:
        shape: Of one wire.
        images: The attacker's own.
        send: Returns the wires (B, ...) of images (B, C, H, W).
    """
    usual = WireLayout.of(shape, image=images.shape[1:])
    pixels = (images.shape[2], images.shape[3])
    forms = [usual.ir] if usual.spatial else _maps_of(shape.numel(), pixels)
    others = [WireLayout.over(ir, pixels) for ir in forms if ir != usual.ir]
    others += [found for ir in forms if (found := WireLayout.covering(ir, pixels))]
    if len(images) < 2 or not others:
        return usual
    with seeded("layout"):  # later random numbers do not depend on this
        some = images[: sample_size(torch.empty(shape), SAMPLE)]
        trial = Trial.of(some, send(some))
        best = min(others, key=lambda layout: trial.local_error(layout, 1))
        least = trial.local_error(usual) if usual.spatial else trial.whole_error()
        return best if trial.local_error(best) < CLEARLY * least else usual


@dataclass(frozen=True)
class Trial:
    """Images and their wires, both less their means, in two halves: to fit to, and to rebuild.

    Attributes:
        images: (K, C, H, W).
        wires: (K, ...).
    """

    images: Tensor
    wires: Tensor

    @classmethod
    def of(cls, images: Tensor, wires: Tensor) -> Trial:
        """Subtract the means of the first half."""
        half = len(images) // 2
        return cls(images - images[:half].mean(0), wires - wires[:half].mean(0))

    def whole_error(self) -> float:
        """Return the squared error of the best linear map from whole wires to whole images, or of the mean image."""
        half = len(self.images) // 2
        vectors, pixels = self.wires.flatten(1), self.images.flatten(1)
        equations = Equations.gather(vectors[:half], pixels[:half])
        errors = [_mean_square(equations.solve(number)(vectors[half:]) - pixels[half:]) for number in STRENGTHS]
        return min([*errors, _mean_square(pixels[half:])])  # a few images may not tell more than their mean

    def local_error(self, layout: WireLayout, side: int | None = None) -> float:
        """Return that of the best linear map from neighborhoods of ``side`` cells to blocks of pixels."""
        assert layout.grid is not None
        side = side or next(side for side, most in SIDES if layout.channels * side**2 <= most)
        half = len(self.images) // 2
        maps = layout.to_maps(self.wires[:half])
        rows, blocks = neighborhoods(maps, self.images[:half], layout.grid, side, share=-(-MAX_ROWS // half))
        equations, held = Equations.gather(rows, blocks), slice(half, None)
        maps = [PatchMap(equations.solve(number), layout, side) for number in STRENGTHS]
        return min(_mean_square(each(self.wires[held]) - self.images[held]) for each in maps)


def _mean_square(values: Tensor) -> float:
    return values.square().mean().item()


def _maps_of(numbers: int, pixels: tuple[int, int]) -> list[IrLayout]:
    """Return the maps that may have been flattened to a vector, those that fit images of (H, W) pixels best first."""
    height, width = pixels
    fitting: list[tuple[float, int, int]] = []
    for rows in range(LEAST_CELLS, 2 * height + 1):
        exact = rows * width / height
        slack = 1 if height == width else math.exp(CLEAR_MISFIT)
        for columns in range(max(LEAST_CELLS, math.ceil(exact / slack)), math.floor(exact * slack) + 1):
            if numbers % (rows * columns) == 0:
                fitting.append((abs(math.log(columns / exact)), rows, columns))
    found = list[IrLayout]()
    for _, rows, columns in sorted(fitting)[:MAX_SHAPES]:
        channels = numbers // (rows * columns)
        found.append(IrLayout("maps", (channels, rows, columns), rows, columns))
        if channels > 1:
            found.append(IrLayout("channels_last", (rows, columns, channels), rows, columns))
    return found
