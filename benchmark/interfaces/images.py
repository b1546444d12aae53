"""Images with their labels, and the three pools of a dataset."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Self

import torch
from torch import Tensor

from .prior import Mixture
from .stored_images import StoredImages
from .tasks import Task, imitation_loss, mean_loss

MAX_CHANNELS = 4
"""Channels that an image has, at most. An array with three axes is one image only if its first or last axis has so few.
Other arrays with three axes hold several gray images."""
MIN_SCALE = 1e-6
"""The smallest unit in which errors of a number are measured, for numbers that hardly differ."""


@dataclass(frozen=True)
class ImageSet:
    """Hold images with their labels.

    Attributes:
        images: Images (N, C, H, W), float32 in [0, 1]. ``StoredImages`` if they do not fit into memory.
        labels: Labels. For classification (N,), int64, starting at 0. For multi-label tasks (N, labels) and for
            regression (N, numbers), float32; multi-label ones are 0 or 1. Without labels (N, 0), float32.
        sources: The source of each image, (N,) int64, for example the photograph that a patch was cut from or the
            person in a portrait. None if the images are independent. Intervals of mean scores count sources of the
            private images instead of images. An attack holds out all of the attacker's images of a source together, so
            that it is not judged on near copies of what it was fitted to; it sees the sources of no others.
        task: What the labels are for.
        attributes: Further properties of each image, (N, attributes) float32, such as the age of a person, which the
            network is not for. None if there are none. They are used to measure what a wire says of them; attacks and
            defenses do not see them.

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
    task: Task = "classification"
    attributes: Tensor | None = None

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.images)

    def __getitem__(self, index: slice | Tensor) -> Self:
        """Select images together with all that is known of them, by a slice, by positions (K,) or by a mask (N,)."""
        return self._each(lambda values: values[index])

    def copy(self) -> Self:
        """Return a copy that shares no memory with this set, except for stored images, which cannot be changed."""
        return self._each(lambda values: values if isinstance(values, StoredImages) else values.clone())

    def to(self, device: torch.device) -> Self:
        """Return the images on a device."""
        return self._each(lambda values: values.to(device))

    def _each(self, change: Callable[[Tensor], Tensor]) -> Self:
        """Return the set with changed tensors."""
        return replace(
            self,
            images=change(self.images),
            labels=change(self.labels),
            sources=None if self.sources is None else change(self.sources),
            attributes=None if self.attributes is None else change(self.attributes),
        )

    @cached_property
    def scale(self) -> Tensor:
        """The standard deviation of each number of regression, (numbers,); 1 if there is a single image."""
        spread = self.labels.std(0) if len(self) > 1 else torch.ones_like(self.labels[0])
        return spread.clamp(min=MIN_SCALE)

    def loss(self, outputs: Tensor, batch: Tensor) -> Tensor:
        """Return the mean loss of a network over some of the images, which training minimizes: a scalar.

        It is the cross-entropy for classification, the mean binary cross-entropy of each label for multi-label tasks,
        and for regression the mean squared error in units of ``scale``.

        Args:
            outputs: What the network gives for the images, (B, outputs).
            batch: The positions of the images, (B,).

        Raises:
            Inapplicable: If the images have no labels.

        Example:
            >>> data = ImageSet(images=torch.rand(2, 1, 8, 8), labels=torch.tensor([0, 1]))
            >>> data.loss(torch.tensor([[0.0, 0.0]]), torch.tensor([1]))
            tensor(0.6931)
        """
        return mean_loss(self.task, outputs, self.labels[batch], self.scale if self.task == "regression" else outputs)


@dataclass(frozen=True)
class TaughtImages(ImageSet):
    """Hold images without labels, and a network whose outputs take the place of labels.

    A defense that trains a network with these images trains it to answer as ``teacher``, the undefended network, does.

    Attributes:
        teacher: A function that gives the outputs (B, ...) for images (B, C, H, W). None if there is none.
        class_outputs: Whether these outputs are logits (B, classes).

    Example:
        >>> images = torch.rand(2, 1, 8, 8)
        >>> data = TaughtImages(images, torch.zeros(2, 0), task="unlabeled", teacher=lambda batch: batch.flatten(1))
        >>> data.loss(images.flatten(1), torch.tensor([0, 1]))
        tensor(0.)
    """

    teacher: Callable[[Tensor], Tensor] | None = None
    class_outputs: bool = False

    def loss(self, outputs: Tensor, batch: Tensor) -> Tensor:
        """Return how far outputs (B, ...) are from those of the teacher for the images at positions (B,): a scalar."""
        if self.teacher is None:
            return super().loss(outputs, batch)
        with torch.no_grad():
            expected = self.teacher(self.images[batch])
        return imitation_loss(outputs, expected, classes=self.class_outputs)


@dataclass(frozen=True)
class Pools:
    """Hold the three disjoint image sets of a dataset.

    Attributes:
        train: The victim's training images, on which the target is trained.
        aux: The attacker's images.
        private: The test images. Some of them are attacked, and accuracy is measured on all of them.
        classes: The names of the classes, in the order of the labels; of the labels or numbers of other tasks, one for
            each column of ``labels``. Empty without labels.
        note: What a reader of the results must know about these data. It is kept in each record. Empty by default.
        prior: The distribution that all images were drawn from, if it is known. Attacks do not see it.
        attributes: The names of the columns of ``attributes`` of each pool. Empty if the pools have none.

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
    prior: Mixture | None = None
    attributes: tuple[str, ...] = ()

    @property
    def task(self) -> Task:
        """What the labels of all pools are for."""
        return self.train.task

    def copy(self) -> Pools:
        """Return a copy that shares no memory with these pools, except for stored images."""
        return replace(self, train=self.train.copy(), aux=self.aux.copy(), private=self.private.copy())

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """The shape of one image, (C, H, W)."""
        channels, height, width = self.train.images.shape[1:]
        return channels, height, width
