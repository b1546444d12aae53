"""Patches of a photograph for three pools, cut from regions that share no pixel."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, NamedTuple

import numpy as np
import torch
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from PIL import Image

from ..utils.seeding import stream_seed
from ._division import round_robin

Pool = Literal["train", "aux", "private"]
_PATTERN: tuple[Pool, ...] = (
    *("train", "aux", "private", "train", "aux"),
    *("train", "train", "aux", "train", "private"),
)
"""Pools of the tiles along a row. Each row starts ``_ROW_SHIFT`` tiles further, so that a pool is spread everywhere."""
_ROW_SHIFT = 3
_MIN_TILES, _MAX_TILES = 24, 96
_MIN_CONTRAST = 0.05
"""Least standard deviation of the pixels in [0, 1]. Flatter patches look like their mean, which is not a secret."""


class Patches(NamedTuple):
    """Patches of a pool.

    Attributes:
        pixels: (N, 3, size, size), uint8.
        tiles: The tile that each was cut from, (N,) int64. Patches of one tile overlap, and those of others do not.
    """

    pixels: NDArray[np.uint8]
    tiles: NDArray[np.int64]


def fit_to_tiles(photo: Image.Image, tile: int) -> NDArray[np.uint8]:
    """Resize a photograph to hold between about 24 and 96 tiles.

    Args:
        photo: Photograph of any size.
        tile: Pixels a side of a tile.

    Returns:
        The pixels (H, W, 3), uint8.
    """
    tiles = photo.width * photo.height / tile**2
    scale = (min(max(tiles, _MIN_TILES), _MAX_TILES) / tiles) ** 0.5
    if scale != 1:
        size = (round(photo.width * scale), round(photo.height * scale))
        photo = photo.resize(size, Image.Resampling.LANCZOS)
    return np.asarray(photo)


def cut(
    photo: NDArray[np.uint8], *, size: int, tile: int, stride: int, most: Mapping[Pool, int] = MappingProxyType({})
) -> dict[Pool, Patches]:
    """Cut a photograph (H, W, 3) into patches. Each patch lies inside one tile.

    The patches of a pool are ordered: one from every tile, then a second from every tile, and so on. A few patches
    therefore show the whole photograph.

    Args:
        photo: Pixels (H, W, 3), uint8.
        size: Pixels a side of a patch.
        tile: Pixels a side of a tile.
        stride: Pixels from one patch to the next.
        most: Patches of a pool that are returned, the first ones; by default all.

    Returns:
        The patches of each pool.
    """
    found: dict[Pool, list[NDArray[np.uint8]]] = {pool: [] for pool in _PATTERN}
    for row in range(photo.shape[0] // tile):
        for column in range(photo.shape[1] // tile):
            region = photo[row * tile :, column * tile :][:tile, :tile]
            patches = _patches(region, size, stride)
            found[_PATTERN[(_ROW_SHIFT * row + column) % len(_PATTERN)]].append(patches)
    return {pool: _tile_by_tile(tiles, pool, most.get(pool)) for pool, tiles in found.items()}


def _patches(region: NDArray[np.uint8], size: int, stride: int) -> NDArray[np.uint8]:
    windows = sliding_window_view(region, (size, size), axis=(0, 1))[
        ::stride, ::stride
    ]  # (rows, columns, 3, size, size)
    patches = windows.reshape(-1, 3, size, size)
    contrast = patches.std(axis=(2, 3), dtype=np.float32).mean(axis=1) / 255  # (N,)
    return patches[contrast >= _MIN_CONTRAST]


def _tile_by_tile(tiles: list[NDArray[np.uint8]], pool: Pool, most: int | None) -> Patches:
    generator = torch.Generator().manual_seed(stream_seed("patches", pool))
    shuffled = [tiles[index] for index in torch.randperm(len(tiles), generator=generator)]
    orders = [torch.randperm(len(patches), generator=generator).tolist() for patches in shuffled]
    members = [(patches, index) for patches, order in zip(shuffled, orders, strict=True) for index in order]
    owner = torch.repeat_interleave(torch.tensor([len(order) for order in orders]))
    places = round_robin(owner)[:most]
    chosen = [members[place] for place in places.tolist()]
    pixels = np.stack([patches[index] for patches, index in chosen]) if chosen else np.concatenate(tiles)
    return Patches(pixels, owner[places].numpy())
