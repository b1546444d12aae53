"""Labelled images, and the three pools of a dataset."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from .stored_images import StoredImages


@dataclass(frozen=True)
class ImageSet:
    """Labelled images.

    Attributes:
        images: (N, C, H, W) float32 in [0, 1]; ``StoredImages`` where they are too many for memory.
        labels: (N,) int64.
        sources: the source of each image, as the photograph that a patch was cut from or the person that a portrait
            shows, (N,) int64; None if the images are independent of each other. Looked at in the private pool alone:
            intervals of mean scores then count sources instead of images. No attack sees it.
    """

    images: Tensor
    labels: Tensor
    sources: Tensor | None = None

    def __len__(self) -> int:
        """Count the images."""
        return len(self.images)

    def __getitem__(self, index: slice | Tensor) -> ImageSet:
        """Select images together with their labels and sources."""
        sources = None if self.sources is None else self.sources[index]
        return ImageSet(self.images[index], self.labels[index], sources)

    def copy(self) -> ImageSet:
        """The same images in memory of their own."""
        sources = None if self.sources is None else self.sources.clone()
        images = self.images if isinstance(self.images, StoredImages) else self.images.clone()  # those are read-only
        return ImageSet(images, self.labels.clone(), sources)

    def to(self, device: torch.device) -> ImageSet:
        """Move to a device."""
        sources = None if self.sources is None else self.sources.to(device)
        return ImageSet(self.images.to(device), self.labels.to(device), sources)


@dataclass(frozen=True)
class Pools:
    """Three disjoint image sets.

    Attributes:
        train: the victim's own images, on which the target is trained.
        aux: the attacker's own images.
        private: the test images; some of them are attacked, all of them measure accuracy.
        classes: names of the classes, in label order.
        note: what a reader of the results must know about these data, if anything; kept in each record.
    """

    train: ImageSet
    aux: ImageSet
    private: ImageSet
    classes: tuple[str, ...]
    note: str = ""

    def copy(self) -> Pools:
        """The same images in memory of their own."""
        return replace(self, train=self.train.copy(), aux=self.aux.copy(), private=self.private.copy())

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Shape of one image, (C, H, W)."""
        channels, height, width = self.train.images.shape[1:]
        return channels, height, width
