"""Whole photographs that are installed with scikit-image. The dataset needs no download."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import ClassVar, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from pydantic import Field

from ..interfaces import Dataset, ImageSet, Pools
from ..utils.seeding import stream_seed
from ._division import RawImages
from ._labels import no_labels
from ._photographs import read_photograph

PRIVATE = ("astronaut.png", "chelsea.png", "coffee.png")
"""Photographs that are private; the second is a cat."""
CROPPED_PHOTOGRAPHS = (
    *("hubble_deep_field.jpg", "ihc.png", "motorcycle_left.png", "retina.jpg", "rocket.jpg"),
    *("brick.png", "camera.png", "coins.png", "grass.png", "gravel.png", "moon.png", "page.png"),
)
"""Photographs of which the victim and the attacker have crops; the last seven are gray. None shows a private scene."""
CROPS = 20
"""Crops of each photograph in each pool."""
LEAST_SIDE = 0.4
"""Smallest side of a crop, as a share of the largest that fits."""


class _Part(NamedTuple):
    """A region of a photograph, and how many crops of it are taken.

    Attributes:
        photo: The region.
        crops: The number of random crops.
        whole: Whether its largest square is taken, too.
    """

    photo: Image.Image
    crops: int
    whole: bool = False


class WholePhotos(Dataset):
    """Whole photographs without labels, such as a portrait and a cat. Needs no network.

    The first three private images are whole photographs, their largest square in the middle; the others are crops of
    them, on which the agreement with the undefended network is measured, too. So ``--images 3`` attacks the whole ones.
    The victim and the attacker have crops of twelve other photographs: the victim of the left half of each, the
    attacker of the right half. Intervals of mean scores count the three photographs, not the images.

    Example: ``mia-bench run --dataset whole_photos --images 3 --split _blocks.2 --attack white_box``

    Source: scikit-image's ``skimage.data``, whose documentation names the photographers and licenses.
    """

    model: ClassVar[str] = "efficientnet_lite0"
    split: ClassVar[str] = "_blocks.2"
    size: int = Field(224, ge=16, le=512, description="height and width of the images, in pixels")

    def load(self, data_dir: Path | None) -> Pools:
        """Cut and resize the photographs. ``data_dir`` is not used.

        Raises:
            UsageError: If a photograph is missing from the installation of scikit-image.
        """
        private = self._images("private", [_Part(read_photograph(file), CROPS, whole=True) for file in PRIVATE])
        halves = [_halves(read_photograph(file)) for file in CROPPED_PHOTOGRAPHS]
        train = self._images("train", [_Part(left, CROPS) for left, _ in halves])
        aux = self._images("aux", [_Part(right, CROPS) for _, right in halves])
        return Pools(train, aux, private, classes=())

    def _images(self, pool: str, parts: Iterable[_Part]) -> ImageSet:
        """Return the images of a pool, whose sources are the parts, one of each part in turn, the whole ones first."""
        random = np.random.default_rng(stream_seed("whole photographs", pool))
        each = [[_resized(box, part.photo, self.size) for box in _boxes(part, random)] for part in parts]
        pixels = np.stack([image for turn in zip(*each, strict=True) for image in turn])  # (N, size, size, 3)
        labels = no_labels(len(pixels))
        raw = RawImages(torch.from_numpy(pixels).permute(0, 3, 1, 2).contiguous(), labels.values, labels.task)
        every = torch.arange(len(pixels))
        return replace(raw.select(every), sources=every % len(each))


def _halves(photo: Image.Image) -> tuple[Image.Image, Image.Image]:
    middle = photo.width // 2
    return photo.crop((0, 0, middle, photo.height)), photo.crop((middle, 0, photo.width, photo.height))


def _boxes(part: _Part, random: np.random.Generator) -> list[tuple[int, int, int, int]]:
    """Return squares of a region: left, top, right, bottom."""
    width, height = part.photo.size
    most = min(width, height)
    left, top = (width - most) // 2, (height - most) // 2
    boxes = [(left, top, left + most, top + most)] if part.whole else []
    for _ in range(part.crops):
        side = int(random.integers(round(LEAST_SIDE * most), most, endpoint=True))
        left, top = (int(random.integers(0, length - side, endpoint=True)) for length in (width, height))
        boxes.append((left, top, left + side, top + side))
    return boxes


def _resized(box: tuple[int, int, int, int], photo: Image.Image, size: int) -> NDArray[np.uint8]:
    return np.asarray(photo.resize((size, size), Image.Resampling.LANCZOS, box=box))
