"""Tables of what the cells of an IR stand for, for clients that look up their numbers, such as embeddings of tokens.

A client without gradients is attacked by decoders alone, and none of the others is a table.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn

from ...benchmark.metrics import psnr
from ...benchmark.utils.ir_layout import IrLayout
from .divided import Divided
from .fitting import Decoders
from .grid import Grid
from .queries import Queries
from .values import pixel_values

MAX_ENTRIES = 8192
"""Different cells of a table, at most."""
MAX_CELLS, MAX_NUMBERS = 2**18, 2**24
"""Cells of the attacker's images that are looked at, and their numbers, at most."""
SEEN_TWICE = 0.5
"""Share of different cells among these, from which most were seen once only, so that a table would not know others."""
CELLS_AT_A_TIME = 4096
"""Cells that are compared with the table at a time."""
MAX_VALUES = 1024
"""Different values of a pixel, at most, of each of which an image is sent."""


class LookupDecoder(nn.Module):
    """Decode each cell of an IR to the pixels that the most similar known cell stands for.

    Example:
        >>> layout = IrLayout.of((4, 2, 2), image=(1, 2, 2))
        >>> decoder = LookupDecoder(layout, Grid.fit(layout, (2, 2)), torch.eye(2, 4), torch.tensor([[0.25], [0.75]]))
        >>> decoder(torch.eye(2, 4)[[0, 1, 1, 0]].T.view(1, 4, 2, 2)).flatten().tolist()
        [0.25, 0.75, 0.75, 0.25]
    """

    def __init__(self, layout: IrLayout, grid: Grid, known: Tensor, blocks: Tensor) -> None:
        """Take the known cells (K, D) and the mean pixels (K, C * stride^2) that they stand for."""
        super().__init__()
        self.layout, self.grid = layout, grid
        self.register_buffer("center", known.mean(0))  # without which products of large numbers hide small distances
        self.register_buffer("known", known - known.mean(0))
        self.register_buffer("blocks", blocks)

    def forward(self, wires: Tensor) -> Tensor:
        """Decode wires (N, ...) to images (N, C, H, W)."""
        center, known, blocks = (self.get_buffer(name) for name in ("center", "known", "blocks"))
        cells, shape = _cells(wires, self.layout, self.grid)
        nearest = torch.cat([torch.cdist(some - center, known).argmin(1) for some in cells.split(CELLS_AT_A_TIME)])
        return self.grid.images(blocks[nearest].view(*shape, -1).permute(0, 3, 1, 2))


def fit_lookup(queries: Divided) -> Decoders | None:
    """Fit tables to the attacker's images, or return None unless the same few cells come again and again.

    Args:
        queries: Images and their wires.
    """
    found = list[Decoders]()
    for layout in _layouts(queries.whole):
        tables = [_table(part, layout) for part in (*queries.parts, queries.whole)]
        each = [table for table in tables if table is not None]
        if len(each) == len(tables):
            found.append(Decoders(tuple(each[:-1]), each[-1]))
    return _best(queries, found)


class ValueDecoder(nn.Module):
    """Decode each cell of an IR to the value whose image has the most similar cell there.

    Unlike a table of cells, it knows what a position adds to them, as in transformers.

    Example:
        >>> layout = IrLayout.of((1, 1, 2), image=(1, 1, 2))
        >>> known = torch.tensor([[0.0, 5.0], [1.0, 6.0]]).view(2, 1, 1, 2)
        >>> decoder = ValueDecoder(layout, Grid.fit(layout, (1, 2)), known, torch.tensor([[0.25], [0.75]]))
        >>> decoder(torch.tensor([[1.0, 5.1]]).view(1, 1, 1, 2)).flatten().tolist()
        [0.75, 0.25]
    """

    def __init__(self, layout: IrLayout, grid: Grid, known: Tensor, values: Tensor) -> None:
        """Take the wires (V, ...) of images of one value each, and these values (V, C)."""
        super().__init__()
        self.layout, self.grid = layout, grid
        self.register_buffer("known", _cells(known, layout, grid)[0].unflatten(0, (len(values), -1)))  # (V, cells, D)
        self.register_buffer("values", values)

    def forward(self, wires: Tensor) -> Tensor:
        """Decode wires (N, ...) to images (N, C, H, W)."""
        known, values = self.get_buffer("known"), self.get_buffer("values")
        cells, (count, rows, columns) = _cells(wires, self.layout, self.grid)
        places = cells.unflatten(0, (count, -1))  # (N, cells, D)
        least = torch.full(places.shape[:2], torch.inf, device=places.device)  # (N, cells)
        nearest = torch.zeros_like(least, dtype=torch.long)
        for number, cell in enumerate(known):
            gap = (places - cell).square().sum(2)
            nearest, least = nearest.masked_fill(gap < least, number), torch.minimum(gap, least)
        return self.grid.images(values[nearest].view(count, rows, columns, -1).permute(0, 3, 1, 2))


def fit_values(queries: Divided) -> Decoders | None:
    """Send an image of each value that pixels have, and return a table of their cells, or None if these are too many.

    Args:
        queries: Images and their wires.
    """
    whole = queries.whole
    values = pixel_values(whole.images[: whole.own], min(MAX_VALUES, MAX_NUMBERS // whole.observed[0].numel()))
    if values is None:
        return None
    sent = whole.send(values[:, :, None, None].expand(-1, -1, *whole.images.shape[2:]).contiguous())
    pixels = (whole.images.shape[2], whole.images.shape[3])
    grids = [(layout, Grid.fit(layout, pixels)) for layout in _layouts(whole)]
    tables = [ValueDecoder(layout, grid, sent, values) for layout, grid in grids if grid.stride == 1]
    return _best(queries, [Decoders(tuple(table for _ in queries.parts), table) for table in tables])


def _best(queries: Divided, tables: Sequence[Decoders]) -> Decoders | None:
    """Return the tables with the highest mean PSNR on the images to tune on, or None if there are none."""

    def decibels(found: Decoders) -> float:
        rebuilt = found.rebuild([part.wires(part.tune) for part in queries.parts])
        truth = [part.images[part.tune] for part in queries.parts]
        return torch.cat([psnr(*pair) for pair in zip(rebuilt, truth, strict=True)]).mean().item()

    return max(tables, key=decibels, default=None)


def _layouts(queries: Queries) -> Iterator[IrLayout]:
    """Yield the layouts that wires may have: a vector may hold a cell for each pixel, pixel by pixel or by channel."""
    shape, image = queries.observed.shape[1:], queries.images.shape[1:]
    found, pixels = IrLayout.of(shape, image=image), image[1] * image[2]
    if found.spatial:
        yield found
    elif shape.numel() % pixels == 0:
        cell = shape.numel() // pixels
        yield IrLayout("tokens", (pixels, cell), *image[1:])
        yield IrLayout("maps", (cell, *image[1:]), *image[1:])


def _table(queries: Queries, layout: IrLayout) -> LookupDecoder | None:
    """Return the table of cells that the attacker's own images have, or None if most of these were seen once only."""
    grid = Grid.fit(layout, (queries.images.shape[2], queries.images.shape[3]))
    most = min(MAX_CELLS // (grid.rows * grid.columns), MAX_NUMBERS // queries.observed[0].numel())
    count = min(queries.own, max(1, most))
    index = torch.arange(count, device=queries.images.device)
    cells, _ = _cells(queries.wires(index), layout, grid)
    known, entry = cells.unique(dim=0, return_inverse=True)
    if len(known) > min(MAX_ENTRIES, SEEN_TWICE * len(cells)):
        return None
    blocks = grid.blocks(queries.images[index]).permute(0, 2, 3, 1).flatten(0, 2)
    total = torch.zeros(len(known), blocks.shape[1], device=blocks.device).index_add_(0, entry, blocks)
    return LookupDecoder(layout, grid, known, total / entry.bincount()[:, None])


def _cells(wires: Tensor, layout: IrLayout, grid: Grid) -> tuple[Tensor, tuple[int, int, int]]:
    """Return the cells of wires (N, ...) on a grid as rows, (N * rows * columns, D), and (N, rows, columns)."""
    maps = grid.place(layout.to_maps(wires.view(len(wires), *layout.shape)))  # (N, D, rows, columns)
    return maps.permute(0, 2, 3, 1).flatten(0, 2), (len(maps), grid.rows, grid.columns)
