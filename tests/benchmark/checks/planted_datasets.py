"""Datasets with one fault each; see ``planted.py``."""

import os
from typing import ClassVar

import torch
from mia_bench import Dataset, ImageSet, Pools


class Numbers(Dataset):
    """Random images.

    Source: ours.
    """

    model: ClassVar[str] = "lenet5"
    split: ClassVar[str] = "relu1"

    def load(self, data_dir):
        random = torch.Generator().manual_seed(self.seed())
        return self.change(*(self.draw(count, random) for count in (60, 40, 20)))

    def seed(self) -> int:
        return 0

    def draw(self, count, random) -> ImageSet:
        return ImageSet(torch.rand(count, 1, 16, 16, generator=random), torch.arange(count) % 2)

    def change(self, train, aux, private) -> Pools:
        return Pools(train, aux, private, ("a", "b"))


class TooBright(Numbers):
    __doc__ = Numbers.__doc__

    def change(self, train, aux, private):
        return Pools(ImageSet(2 * train.images, train.labels), aux, private, ("a", "b"))


class Overlapping(Numbers):
    __doc__ = Numbers.__doc__

    def change(self, train, aux, private):
        return Pools(train, train[:40], private, ("a", "b"))


class Sorted(Numbers):
    __doc__ = Numbers.__doc__

    def change(self, train, aux, private):
        return Pools(train, aux, ImageSet(private.images, 0 * private.labels), ("a", "b"))


class Nowhere(Numbers):
    __doc__ = Numbers.__doc__
    split: ClassVar[str] = "relu9"


class Changing(Numbers):
    __doc__ = Numbers.__doc__

    def seed(self):
        return int.from_bytes(os.urandom(4), "big")
