"""The nouns of the benchmark: all that the author of an attack, a defense, a model or a dataset must read."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any, ClassVar, Literal

import torch
from pydantic import BaseModel, ConfigDict, Field, SerializationInfo, SerializerFunctionWrapHandler, model_serializer
from torch import Tensor, nn

from .split_model import Channel, SplitModel
from .wire import Wire


@dataclass(frozen=True)
class ImageSet:
    """Labelled images.

    Attributes:
        images: (N, C, H, W) float32 in [0, 1].
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
        return ImageSet(self.images.clone(), self.labels.clone(), sources)

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


class Access(StrEnum):
    """What an attack may use, beside the wire, the attacker's own images and what the defense publishes."""

    WHITE_BOX = "white_box"
    """The client's weights; queries too, since whoever holds the client can run it."""
    BLACK_BOX = "black_box"
    """Queries: any image through the protected client."""
    QUERY_FREE = "query_free"
    """The server's weights, the structure of the client, and labels of the attacker's images."""

    @property
    def meaning(self) -> str:
        """What it is, in a sentence."""
        return {
            Access.WHITE_BOX: "knows the client's weights and may send any image through it",
            Access.BLACK_BOX: "may send any image through the protected client, and knows no weights",
            Access.QUERY_FREE: "knows the server's weights and the client's structure, and may not query",
        }[self]


@dataclass(frozen=True, kw_only=True)
class Observation:
    """All the adversary has; there is no field for the private images or labels.

    Attributes:
        wire: what the adversary saw of the N private images, which is what the protected client sent for them, or more.
        aux: the attacker's own images, disjoint from the private ones.
        classes: the number of classes.
        channel: what the defense publishes about the way from the clean IR to the wire.
        query: runs the protected client on (K, C, H, W) images, with fresh randomness; None if not granted.
        client: the client's layers, differentiable, without anything random; None if not granted.
        server: the server's layers; None if not granted.
        structure: builds an untrained copy of the client; None if not granted.
    """

    wire: Wire
    aux: ImageSet
    classes: int
    channel: Channel
    query: Callable[[Tensor], Wire] | None = None
    client: nn.Module | None = None
    server: nn.Module | None = None
    structure: Callable[[], nn.Module] | None = None

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Shape of one image, (C, H, W)."""
        channels, height, width = self.aux.images.shape[1:]
        return channels, height, width


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


@dataclass(frozen=True)
class Reconstruction:
    """What an attack that tries several ways brings back.

    Attributes:
        images: its answer, (N, C, H, W) in [0, 1].
        selected: the name of the member whose answer that is.
        members: the answer of each member, by name.
    """

    images: Tensor
    selected: str
    members: dict[str, Tensor]


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
