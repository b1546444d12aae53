"""The best linear map from a wire to an image, chosen on held-out images."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Literal, NamedTuple, cast

import torch
from torch import Tensor, nn

from ...benchmark.metrics import psnr
from ...benchmark.utils.least_squares import Affine, Equations
from .divided import Divided
from .fitting import Decoders
from .folds import Fitted
from .grid import far_origins
from .patch import PatchMap, neighborhoods
from .queries import Queries

Form = Literal["auto", "dense", "patch"]
STRENGTHS = (1e-8, 1e-4, 1e-2, 0.1, 1.0, 10.0)
EXACT_DB = 60.0
"""PSNR of every image to tune on from which no other form or strength is tried."""

MAX_EQUATION_NUMBERS = 2**26
"""Numbers of queried wires, or of their neighborhoods, used at most (0.5 GB in double precision)."""
MAX_DENSE_PIXELS = 2**27
"""Pixels of the images that a whole wire is mapped to, at most (1 GB in double precision)."""
MAX_DENSE_EQUATIONS = 5000
"""The largest system of equations solved for all pixels at once; it takes about 10 s of one core."""
SIDES = ((5, 1200), (3, 5000))
"""Cells down and across a neighborhood, and the numbers up to which they are used; above, cells are decoded alone."""
MAX_MATRIX_NUMBERS = 2**28
"""Numbers up to which a map is formed as one matrix (1 GB); beyond, it stays a product of two."""
ROWS_PER_UNKNOWN = 32
"""Pairs for each unknown of the patch form, at most; they are drawn from all positions of the images."""
MIN_PATCH_IMAGES = 100
"""Images that these pairs are drawn from, at least, if there are so many."""


class LinearDecoder(NamedTuple):
    """A fitted map from wires (N, ...) to images (N, C, H, W), not clamped.

    Attributes:
        decode: Applies the map.
        module: The map as a network in single precision.
        refit: Fits a map of the same form and strength to some of the queries, given by their indices (K,).
    """

    decode: Callable[[Tensor], Tensor]
    module: Callable[[], nn.Module]
    refit: Callable[[Tensor], LinearDecoder]


def decoders(linear: Fitted[LinearDecoder]) -> Decoders:
    """Return the maps without their modules."""
    return Decoders(tuple(each.decode for each in linear.each), linear.final.decode)


Solve = Callable[[float], LinearDecoder]
"""Fits the map for one strength of the penalty."""


def fit_linear(queries: Divided, *, form: Form = "auto", strength: float | None = None) -> Fitted[LinearDecoder]:
    """Fit maps of several forms and strengths, and return the one with the highest mean PSNR on the images to tune on.

    Args:
        queries: Images and their wires.
        form: ``dense`` for the whole image, ``patch`` for blocks of pixels, ``auto`` for the better one.
        strength: The penalty in units of the wire's mean variance; None: chosen.
    """
    strengths = STRENGTHS if strength is None else (strength,)
    held = [(part.wires(part.tune), part.images[part.tune]) for part in queries.parts]
    best: tuple[tuple[LinearDecoder, ...], Callable[[Queries], Solve], float] | None = None
    highest = -torch.inf
    for gather in _forms(queries.whole, form):
        solves, previous, exact = [gather(part) for part in queries.parts], -torch.inf, False
        for number in strengths:
            tried = tuple(solve(number) for solve in solves)
            reached = torch.cat([_psnr(one, *some) for one, some in zip(tried, held, strict=True)])
            mean, exact = reached.mean().item(), bool(reached.min() > EXACT_DB)
            if best is None or mean > highest:
                highest, best = mean, (tried, gather, number)
            if exact or mean < previous:
                break
            previous = mean
        if exact:
            break
    assert best is not None
    each, gather, number = best
    return Fitted(each, each[0] if len(each) == 1 else gather(queries.whole)(number))


def _psnr(decoder: LinearDecoder, wires: Tensor, truth: Tensor) -> Tensor:
    return psnr(decoder.decode(wires), truth).nan_to_num(-torch.inf)


def _forms(queries: Queries, form: Form) -> Iterator[Callable[[Queries], Solve]]:
    maps, vectors = queries.layout.spatial, queries.observed[0].numel()
    if form == "dense" or not maps or (form == "auto" and min(_count(queries), vectors) <= MAX_DENSE_EQUATIONS):
        yield dense
    if maps and form != "dense":
        yield patch


def _count(queries: Queries) -> int:
    """Return how many of the attacker's images are fitted to."""
    return min(queries.own, max(50, MAX_EQUATION_NUMBERS // queries.observed[0].numel()))


def _chosen(queries: Queries, index: Tensor | None, most: int) -> Tensor:
    """Return the first of the chosen queries, (K,), or of the attacker's images if none are chosen."""
    return (torch.arange(queries.own, device=queries.images.device) if index is None else index)[:most]


def dense(queries: Queries, index: Tensor | None = None) -> Solve:
    """Fit maps from the whole wire to the whole image, to all of the attacker's images or to those of an index (K,)."""
    count = min(_count(queries), max(50, MAX_DENSE_PIXELS // queries.images[0].numel()))
    index = _chosen(queries, index, count)
    equations = Equations.gather(queries.wires(index).flatten(1), queries.images[index].flatten(1))
    shape = cast(tuple[int, int, int], tuple(queries.images.shape[1:]))

    def solve(strength: float) -> LinearDecoder:
        solved = equations.solve(strength)
        return LinearDecoder(
            lambda wires: solved(wires.flatten(1)).float().unflatten(1, shape),
            lambda: DenseMap(solved, shape),
            lambda some: dense(queries, some)(strength),
        )

    return solve


def patch(queries: Queries, index: Tensor | None = None) -> Solve:
    """Fit maps from the neighborhood of each cell of a spatial IR to the block of pixels there, as ``dense`` does."""
    layout = queries.layout
    channels, grid = layout.channels, layout.grid
    assert grid is not None
    side = next((side for side, most in SIDES if channels * side**2 <= most), 1)
    needed = ROWS_PER_UNKNOWN * channels * side**2
    count = min(_count(queries), max(MIN_PATCH_IMAGES, needed // (grid.rows * grid.columns)))
    index = _chosen(queries, index, count)
    share = max(1, min(-(-needed // len(index)), MAX_EQUATION_NUMBERS // (len(index) * channels * side**2)))
    maps = layout.to_maps(queries.wires(index))
    origins = far_origins(maps)
    rows, blocks = neighborhoods(maps - origins, queries.images[index], grid, side, share=share)
    equations = Equations.gather(rows, blocks, dual=False)

    def solve(strength: float) -> LinearDecoder:
        local = PatchMap(equations.solve(strength), layout, side, origins)
        return LinearDecoder(local, lambda: local, lambda some: patch(queries, some)(strength))

    return solve


class DenseMap(nn.Module):
    """Map a whole wire to a whole image, in single precision."""

    center: Tensor

    def __init__(self, solved: Affine, shape: tuple[int, int, int]) -> None:
        """Round the map to single precision."""
        super().__init__()
        self.shape = shape
        self.register_buffer("center", solved.center.float())
        self.register_buffer("offset", solved.offset.float())
        large = solved.span is not None and solved.center.numel() * solved.offset.numel() > MAX_MATRIX_NUMBERS
        self.register_buffer("span", solved.span.float() if large and solved.span is not None else None)
        self.register_buffer("weight", solved.factor.float() if large else solved.weight.float())

    def forward(self, wires: Tensor) -> Tensor:
        """Decode (N, ...) to (N, C, H, W)."""
        centered = wires.flatten(1) - self.center
        if self.span is not None:
            centered = centered @ cast(Tensor, self.span).T
        return torch.addmm(cast(Tensor, self.offset), centered, cast(Tensor, self.weight)).unflatten(1, self.shape)
