"""Patches of photographs that are installed with scikit-image. The dataset needs no download."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from pydantic import Field

from ..interfaces import Dataset, ImageSet, Pools, Training
from ._division import RawImages, round_robin
from ._photographs import read_photograph
from ._tiles import Patches, Pool, cut, fit_to_tiles

PHOTOGRAPHS = {
    "astronaut": "astronaut.png",
    "cat": "chelsea.png",
    "coffee": "coffee.png",
    "galaxies": "hubble_deep_field.jpg",
    "tissue": "ihc.png",
    "motorcycle": "motorcycle_left.png",
    "rocket": "rocket.jpg",
}
"""Color photographs in scikit-image's wheel, except the retina, which is flat, and second views of one scene."""
MAX_PATCHES: dict[Pool, int] = {"train": 400, "aux": 250, "private": 80}
"""Most patches per photograph. Large patches are fewer."""


class Photos(Dataset):
    """Patches of seven color photographs that come with scikit-image; the class is the photograph. Needs no network.

    The three pools come from different regions of each photograph. A photograph that is too small for large patches is
    enlarged, and a very large one is reduced. Patches of one photograph are not independent, so intervals of mean
    scores count the seven photographs, not the patches. Patches that overlap come from one of some 200 tiles in each
    pool, which are the sources of the attacker's images.

    Example: ``mia-bench run --dataset photos:size=64 --defense dp_ir --sigma 0.5``

    Source: scikit-image's ``skimage.data``, whose documentation names the photographers and licenses.
    """

    model: ClassVar[str] = "lenet5"
    split: ClassVar[str] = "relu1"
    training: ClassVar[Training] = Training(epochs=25, flip=True)
    size: int = Field(32, ge=16, le=256, description="height and width of the patches, in pixels")

    def load(self, data_dir: Path | None) -> Pools:
        """Cut the patches. ``data_dir`` is not used.

        Raises:
            UsageError: If a photograph is missing from the installation of scikit-image.
        """
        cuts = [self._cut(file) for file in PHOTOGRAPHS.values()]
        train, aux, private = (
            _balanced([patches[pool] for patches in cuts], quota) for pool, quota in MAX_PATCHES.items()
        )
        private = replace(private, sources=private.labels.clone())  # Patches of one photograph are not independent.
        return Pools(train, aux, private, classes=tuple(PHOTOGRAPHS))

    def _cut(self, file: str) -> dict[Pool, Patches]:
        tile = self.size * 3 // 2
        photo = fit_to_tiles(read_photograph(file), tile)
        return cut(photo, size=self.size, tile=tile, stride=self.size // 8, most=MAX_PATCHES)


def _balanced(classes: list[Patches], quota: int) -> ImageSet:
    count = min(quota, *(len(patches.tiles) for patches in classes))
    images = torch.from_numpy(np.concatenate([patches.pixels[:count] for patches in classes]))
    tiles = torch.from_numpy(np.concatenate([patches.tiles[:count] for patches in classes]))
    labels = torch.arange(len(classes)).repeat_interleave(count)
    order, sources = round_robin(labels), labels * (int(tiles.max()) + 1) + tiles
    return replace(RawImages(images, labels).select(order), sources=sources[order])
