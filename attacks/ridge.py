"""The closed-form attack: a linear decoder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional

from ..benchmark.interfaces import Access, Attack, Observation
from ._grid import Grid
from ._linear import Affine
from ._linear import Ridge as Equations
from ._queries import Queries

STRENGTHS = (1e-8, 1e-4, 1e-2, 0.1, 1.0)
EXACT = 1e-6
"""A squared error (60 dB) below which no other form or strength is tried."""
NUMBERS = 2**28
"""Numbers of queried wires held at a time (1 GB)."""
DENSE = 5000
"""The largest system of equations solved for all pixels at once; it takes about 10 s of one core."""
PATCH_FEATURES = 1200
"""Neighborhoods of 5x5 cells are used up to this many numbers, of 3x3 cells above."""
ROWS = 32
"""Pairs for each unknown of the patch form."""

HELD_OUT = 100
"""Images at most on which form and strength are chosen."""

Decoder = Callable[[Tensor], Tensor]


class Ridge(Attack):
    """Decodes the wire by the best linear map, in closed form, from queries.

    The map minimizes the squared error of the attacker's own images plus a penalty on its size, which makes it the
    linear minimum-mean-square-error estimator. ``dense`` maps the whole wire to the whole image; ``patch`` maps the
    cells around each place of a spatial IR to the block of pixels there, and is the one for large IRs. Form and
    strength are chosen on a tenth of the attacker's images that the map has not seen.

    Source: Hoerl & Kennard 1970, "Ridge regression"; used here as the strongest attack that needs no training.
    """

    access: ClassVar[Access] = Access.BLACK_BOX

    form: Literal["auto", "dense", "patch"] = Field("auto", description="whole wire, neighborhoods, or the better one")
    strength: float | None = Field(
        None, gt=0, description="penalty in units of the wire's mean variance; none: chosen on held-out images"
    )

    def reconstruct(self, seen: Observation) -> Tensor:
        """Fit the map and apply it; images (N, C, H, W)."""
        numbers = seen.wire.tensor[0].numel()
        queries = Queries(seen, seen.aux.images[: max(50, NUMBERS // numbers)])
        held = torch.arange(len(queries), device=queries.images.device)[-min(HELD_OUT, max(1, len(queries) // 10)) :]
        wires, truth = queries.wires(held), queries.images[held]
        best, least = None, torch.inf
        for decode in self._candidates(queries, len(queries) - len(held)):
            error = (decode(wires) - truth).square().mean().item()
            if best is None or error < least:
                best, least = decode, error
            if error < EXACT:
                break
        assert best is not None
        return best(queries.observed)

    def _candidates(self, queries: Queries, count: int) -> Iterator[Decoder]:
        """Decoders fitted on the first ``count`` queries."""
        maps, vectors = queries.observed.ndim == 4, queries.observed[0].numel()
        strengths = STRENGTHS if self.strength is None else (self.strength,)
        small = min(count, vectors) <= DENSE
        if self.form == "dense" or not maps or (self.form == "auto" and small):
            yield from dense(queries, count, strengths)
        if maps and self.form != "dense":
            yield from patch(queries, count, strengths)


def dense(queries: Queries, count: int, strengths: tuple[float, ...]) -> Iterator[Decoder]:
    """Maps from the whole wire to the whole image."""
    index = torch.arange(count, device=queries.images.device)
    equations = Equations.fit(queries.wires(index).flatten(1), queries.images[:count].flatten(1))
    shape = queries.images.shape[1:]
    for strength in strengths:
        solved = equations.solve(strength)
        yield lambda wires, solved=solved: _images(solved(wires.flatten(1)).unflatten(1, shape))


def patch(queries: Queries, count: int, strengths: tuple[float, ...]) -> Iterator[Decoder]:
    """Maps from the neighborhood of each cell of a spatial IR to the block of pixels there."""
    channels, height, width = queries.observed.shape[1:]
    grid = Grid.fit((height, width), (queries.images.shape[2], queries.images.shape[3]))
    side = 5 if channels * 25 <= PATCH_FEATURES else 3
    needed = max(100, ROWS * channels * side**2 // (grid.rows * grid.columns))
    index = torch.arange(min(count, needed), device=queries.images.device)
    rows = neighborhoods(grid.place(queries.wires(index)), side)
    blocks = grid.blocks(queries.images[index]).permute(0, 2, 3, 1).flatten(0, 2)  # (B * rows * columns, C * stride^2)
    equations = Equations.fit(rows, blocks, dual=False)
    for strength in strengths:
        solved = equations.solve(strength)
        yield lambda wires, solved=solved: _images(_by_patch(solved, grid, wires, side))


def neighborhoods(maps: Tensor, side: int) -> Tensor:
    """The cells around each cell: (N, C, h, w) to (N * h * w, C * side * side)."""
    return functional.unfold(maps, side, padding=side // 2).transpose(1, 2).flatten(0, 1)


def _by_patch(solved: Affine, grid: Grid, wires: Tensor, side: int) -> Tensor:
    parts = []
    for part in wires.split(50):
        blocks = solved(neighborhoods(grid.place(part), side))
        parts.append(grid.images(blocks.unflatten(0, (len(part), grid.rows, grid.columns)).permute(0, 3, 1, 2)))
    return torch.cat(parts)


def _images(decoded: Tensor) -> Tensor:
    return decoded.clamp(0, 1).float()
