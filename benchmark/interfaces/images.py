"""Labelled images, and the three pools of a dataset."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from .stored_images import StoredImages


@dataclass(frozen=True)
class ImageSet:
    """Hold labelled images.

    Attributes:
        images: Images (N, C, H, W), float32 in [0, 1]. ``StoredImages`` if they do not fit into memory.
        labels: Labels (N,), int64, starting at 0.
        sources: The source of each image, (N,) int64, for example the photograph that a patch was cut from or the
            person in a portrait. None if the images are independent. It is used for the private images only: the
            intervals of mean scores then count sources instead of images. Attacks do not see it.

    Example:
        >>> data = ImageSet(images=torch.rand(4, 1, 8, 8), labels=torch.tensor([0, 1, 0, 1]))
        >>> len(data[:2])
        2
        >>> data[data.labels == 1].images.shape
        torch.Size([2, 1, 8, 8])
    """

    images: Tensor
    labels: Tensor
    sources: Tensor | None = None

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.images)

    def __getitem__(self, index: slice | Tensor) -> ImageSet:
        """Select images together with their labels and sources, by a slice, by positions (K,) or by a mask (N,)."""
        sources = None if self.sources is None else self.sources[index]
        return ImageSet(self.images[index], self.labels[index], sources)

    def copy(self) -> ImageSet:
        """Return a copy that shares no memory with this set, except for stored images, which cannot be changed."""
        sources = None if self.sources is None else self.sources.clone()
        images = self.images if isinstance(self.images, StoredImages) else self.images.clone()
        return ImageSet(images, self.labels.clone(), sources)

    def to(self, device: torch.device) -> ImageSet:
        """Return the images on a device."""
        sources = None if self.sources is None else self.sources.to(device)
        return ImageSet(self.images.to(device), self.labels.to(device), sources)


@dataclass(frozen=True)
class Pools:
    """Hold the three disjoint image sets of a dataset.

    Attributes:
        train: The victim's training images, on which the target is trained.
        aux: The attacker's images.
        private: The test images. Some of them are attacked, and accuracy is measured on all of them.
        classes: The names of the classes, in the order of the labels.
        note: What a reader of the results must know about these data. It is kept in each record. Empty by default.

    Example:
        >>> train, aux, private = (ImageSet(torch.rand(4, 1, 8, 8), torch.tensor([0, 1, 0, 1])) for _ in range(3))
        >>> Pools(train, aux, private, classes=("cat", "dog")).image_shape
        (1, 8, 8)
    """

    train: ImageSet
    aux: ImageSet
    private: ImageSet
    classes: tuple[str, ...]
    note: str = ""

    def copy(self) -> Pools:
        """Return a copy that shares no memory with these pools, except for stored images."""
        return replace(self, train=self.train.copy(), aux=self.aux.copy(), private=self.private.copy())

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """The shape of one image, (C, H, W)."""
        channels, height, width = self.train.images.shape[1:]
        return channels, height, width
