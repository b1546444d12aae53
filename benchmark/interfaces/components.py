"""What a plug-in author subclasses: attacks, defenses, models and datasets."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SerializationInfo, SerializerFunctionWrapHandler, model_serializer
from torch import Tensor, nn

from .images import ImageSet, Pools
from .observation import Access, Observation
from .reconstruction import Reconstruction
from .split_model import SplitModel


class Component(BaseModel):
    """Something that users choose by name: its fields are its parameters."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, validate_default=True)
    version: ClassVar[int] = 1
    """Raised whenever scores change."""

    @model_serializer(mode="wrap")
    def _in_order(self, serialize: SerializerFunctionWrapHandler, info: SerializationInfo) -> dict[str, Any]:
        """Write sets in one order as JSON, whatever order their hashes give them in this process."""
        written: dict[str, Any] = serialize(self)
        if info.mode == "json":
            sets = [key for key in written if isinstance(getattr(self, key, None), set | frozenset)]
            written |= {key: sorted(written[key], key=json.dumps) for key in sets}
        return written

    @property
    def params(self) -> str:
        """The parameters as canonical JSON."""
        return json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))


class Attack(Component, ABC):
    """Rebuilds private images from what crossed the network."""

    access: ClassVar[Access]
    standard: ClassVar[bool] = True
    """Whether ``run`` uses this attack when none is named."""

    observations: int = Field(1, ge=1, description="recorded wires of each image, merged, if the defense is random")

    @property
    def aux_source(self) -> str:
        """Where the attacker's images come from: ``same_set``, ``same_distribution`` or ``random``."""
        return "same_distribution"

    @abstractmethod
    def reconstruct(self, seen: Observation) -> Tensor | Reconstruction:
        """Rebuild one image per entry of the wire.

        Returns:
            Images (N, C, H, W) in [0, 1]; an attack that selects among several ways tells of all of them.

        Raises:
            Inapplicable: if the attack has no meaning for this wire.
        """


class Defense(Component, ABC):
    """Changes a split model so that its wire tells less."""

    guarantee: ClassVar[str] = "none"
    """What is promised, in words, as ``list`` shows it."""
    stronger_with: ClassVar[Mapping[str, Literal[1, -1]]] = {}
    """Parameters that make its wire tell less, all else equal: 1 if larger values do, -1 if smaller ones do.

    Audits doubt an attack that does better where the wire tells less.
    """

    @abstractmethod
    def protect(self, model: SplitModel, train: ImageSet) -> SplitModel:
        """Return a protected copy; ``model`` itself stays as it is.

        Args:
            model: the trained, undefended split model.
            train: the victim's training images, for defenses that tune the model.

        Raises:
            Inapplicable: if the defense has no meaning for this model or split.
        """


class Model(Component, ABC):
    """A classifier architecture; its layers' names are the split points."""

    names_code: ClassVar[bool] = False
    """Whether a parameter names code to import, which then only the command line and Python may give."""

    @property
    def given_weights(self) -> str | None:
        """A fingerprint of the weights with which ``build`` returns the network; the benchmark never trains them.

        None, the default, means that ``build`` returns an untrained network, which is trained on the dataset.
        """
        return None

    @property
    def retrains_head(self) -> bool:
        """Whether the last layer that has weights is trained, though the weights of the network are given."""
        return False

    def normalization(self, channels: int) -> tuple[Tensor, Tensor] | None:
        """Return the mean and the standard deviation of each channel that the network expects, (channels,) each.

        None, the default, means those of the training images.
        """
        return None

    @property
    def usual_images(self) -> tuple[tuple[int, int, int], ...]:
        """Shapes (C, H, W) of images for which ``show`` lists the layers."""
        return ((1, 28, 28), (3, 32, 32))

    def outline(self, image_shape: tuple[int, int, int]) -> nn.Sequential:
        """Return the layers that ``show`` lists: for ten classes, or as many as given weights have."""
        return self.build(image_shape, 10)

    def pinned(self, image_shape: tuple[int, int, int], classes: int) -> Self:
        """Return the model with the content of all that its parameters name, which is part of a cell's identity."""
        return self

    @abstractmethod
    def build(self, image_shape: tuple[int, int, int], classes: int) -> nn.Sequential:
        """Build the untrained network.

        Unless a module of it is a batch normalization, its convolutions are normalized during training, and the
        normalization is then folded into their weights and biases; those without a bias get one.

        Args:
            image_shape: (C, H, W) of the normalized images it will be given.
            classes: the number of logits.

        Returns:
            Named layers in order, from images (N, C, H, W) to logits (N, classes).
        """


@dataclass(frozen=True)
class Training:
    """How a dataset is best learned: part of the target's training recipe.

    Attributes:
        epochs: passes over the training images.
        flip: mirror images at random.
        shift: move images by up to this many pixels.
    """

    epochs: int = 15
    flip: bool = False
    shift: int = 0


class Dataset(Component, ABC):
    """A source of images."""

    model: ClassVar[str] = "cnn6"
    """The model recommended for it."""
    split: ClassVar[str] = "relu22"
    """The split recommended for that model."""
    training: ClassVar[Training] = Training()

    @abstractmethod
    def load(self, data_dir: Path | None) -> Pools:
        """Read the images and divide them into disjoint pools.

        Args:
            data_dir: where the user keeps the data; None for the dataset's own place.

        Raises:
            UsageError: if the data are missing or damaged.
        """
