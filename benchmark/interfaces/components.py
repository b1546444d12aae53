"""The base classes of plug-ins: attacks, defenses, models and datasets."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import FrozenInstanceError
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SerializationInfo, SerializerFunctionWrapHandler, model_serializer
from torch import Tensor, nn

from .images import ImageSet, Pools
from .observation import Access, Observation
from .reconstruction import Reconstruction
from .split_model import SplitModel
from .training import Training


class Component(BaseModel):
    """Describe something that users choose by name. Its fields are its parameters, which pydantic validates.

    Example:
        >>> class Blur(Component):
        ...     radius: float = 1.0
        >>> Blur(radius=2).params
        '{"radius":2.0}'
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        allow_inf_nan=False,
        validate_default=True,
        validate_by_name=True,
        serialize_by_alias=True,
    )
    version: ClassVar[int] = 1
    """The version of the component. Raise it whenever its scores change, so that cells are computed again."""
    holds_object: ClassVar[bool] = False
    """Whether the component holds a Python object, which its parameters identify but do not restore."""
    added: ClassVar[frozenset[str]] = frozenset()
    """The parameters that were added later, whose defaults keep the scores of before. At their defaults they are not
    part of the identity of a cell, so old records stay valid and random streams stay the same."""

    @classmethod
    def __pydantic_init_subclass__(cls, **_: Any) -> None:
        """Refuse a class that declares something of parameters which it does not have.

        Raises:
            TypeError: If so.
        """
        for declared in ("added", "adversary_only"):
            if unknown := sorted(getattr(cls, declared, frozenset()) - set(cls.model_fields)):
                raise TypeError(f"Expected parameters of {cls.__name__} in {declared}, got {', '.join(unknown)}.")

    @model_serializer(mode="wrap")
    def _in_order(self, serialize: SerializerFunctionWrapHandler, info: SerializationInfo) -> dict[str, Any]:
        """Write sets as sorted lists in JSON, since their order differs between processes."""
        written: dict[str, Any] = serialize(self)
        if info.mode == "json":
            names = {field.alias or name: name for name, field in type(self).model_fields.items()}
            sets = [key for key in written if isinstance(getattr(self, names.get(key, key), None), set | frozenset)]
            written |= {key: sorted(written[key], key=json.dumps) for key in sets}
        return written

    def __setattr__(self, name: str, value: Any) -> None:
        """Set a private attribute, whose name begins with an underscore.

        Raises:
            FrozenInstanceError: If the name is another one.
        """
        if not name.startswith("_"):
            raise FrozenInstanceError(
                f"Expected {type(self).__name__} to leave its attributes as they are, got a new value of self.{name}. "
                "Declare parameters as fields of the class, without __init__, and keep what a method computes in local "
                "variables or in the network or channel that it returns."
            )
        super().__setattr__(name, value)

    @property
    def params(self) -> str:
        """The parameters as canonical JSON."""
        return json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))


class Attack(Component, ABC):
    """Reconstruct private images from what crossed the network. Subclasses define ``access`` and ``reconstruct``.

    Example:
        >>> import torch
        >>> from mia_bench.benchmark.interfaces import Access, Attack, Channel, ImageSet, Observation, Wire
        >>> class Gray(Attack):
        ...     access = Access.QUERY_FREE
        ...
        ...     def reconstruct(self, seen):
        ...         return torch.full((len(seen.wire), *seen.image_shape), 0.5)
        >>> aux = ImageSet(torch.rand(4, 1, 8, 8), torch.zeros(4, dtype=torch.int64))
        >>> seen = Observation(wire=Wire(torch.rand(2, 16)), aux=aux, classes=10, channel=Channel())
        >>> Gray().reconstruct(seen).shape
        torch.Size([2, 1, 8, 8])
    """

    access: ClassVar[Access]
    """What the attack may use. The fields of the observation that it may not use are None."""
    standard: ClassVar[bool] = True
    """Whether ``mia-bench run`` uses this attack by default."""

    observations: int = Field(1, ge=1, description="recorded wires of each image, merged, if the defense is random")

    @property
    def aux_source(self) -> str:
        """The source of the attacker's images: ``same_set``, ``same_distribution`` or ``random``."""
        return "same_distribution"

    @property
    def traffic_count(self) -> int:
        """The largest number of wires of other users that the attacker has recorded. Only ``query_free`` gets them."""
        return 0

    @abstractmethod
    def reconstruct(self, seen: Observation) -> Tensor | Reconstruction:
        """Reconstruct one image for each entry of the wire.

        Args:
            seen: The wire of N images and everything else that the adversary may use.

        Returns:
            Images (N, C, H, W), float32 in [0, 1]. An attack that selects among several methods returns a
            ``Reconstruction`` with the images of each method.

        Raises:
            Inapplicable: If the attack cannot be applied to this wire.
        """


class Defense(Component, ABC):
    """Change a split model so that its wire reveals less about the images. Subclasses define ``protect``.

    Example:
        >>> from dataclasses import replace
        >>> import torch
        >>> from mia_bench.benchmark.interfaces import Channel, Defense, ImageSet, SplitModel
        >>> class Halve(Channel):
        ...     def forward(self, value):
        ...         return value / 2
        >>> class Halved(Defense):
        ...     def protect(self, model, train):
        ...         return replace(model.copy(), ir_channel=Halve())
        >>> model = SplitModel(client=nn.Sequential(nn.Flatten()), server=nn.Sequential(nn.Linear(64, 10)))
        >>> train = ImageSet(torch.rand(4, 1, 8, 8), torch.zeros(4, dtype=torch.int64))
        >>> protected = Halved().protect(model, train)
        >>> protected.send(torch.ones(2, 1, 8, 8)).tensor.max()
        tensor(0.5000)
    """

    guarantee: ClassVar[str] = "none"
    """What the defense guarantees, in words, as ``mia-bench list`` shows it."""
    stronger_with: ClassVar[Mapping[str, Literal[1, -1]]] = {}
    """The parameters that make the wire reveal less if all else is equal: 1 if larger values do, -1 if smaller ones do.

    ``mia-bench audit`` flags an attack that does better against a setting whose wire reveals less.
    """
    adversary_only: ClassVar[frozenset[str]] = frozenset()
    """The parameters that only say what the adversary sees or knows, such as how many servers collude.

    ``protect`` draws the same random numbers for all their values, so that these compare attackers of one network.
    """

    @abstractmethod
    def protect(self, model: SplitModel, train: ImageSet) -> SplitModel:
        """Return a protected copy of a split model, and leave ``model`` itself as it is.

        Args:
            model: The trained, undefended split model.
            train: The victim's training images, for defenses that tune the model.

        Raises:
            Inapplicable: If the defense cannot be applied to this model or split.
        """


class Model(Component, ABC):
    """Describe the architecture of a network. The names of its layers are the split points.

    Example:
        >>> import math
        >>> from collections import OrderedDict
        >>> import torch
        >>> from mia_bench.benchmark.interfaces import Model
        >>> class Linear(Model):
        ...     def build(self, image_shape, classes):
        ...         layers = {"flat": nn.Flatten(), "out": nn.Linear(math.prod(image_shape), classes)}
        ...         return nn.Sequential(OrderedDict(layers))
        >>> Linear().build((1, 8, 8), 10)(torch.rand(2, 1, 8, 8)).shape
        torch.Size([2, 10])
    """

    names_code: ClassVar[bool] = False
    """Whether a parameter names code to import. Then only the command line and Python may set it, not a suite file."""

    @property
    def given_weights(self) -> str | None:
        """The fingerprint of the weights that ``build`` returns the network with. The benchmark does not train them.

        None, the default, means that ``build`` returns an untrained network, which is trained on the dataset.
        """
        return None

    @property
    def retrains_head(self) -> bool:
        """Whether the last layer that has weights is trained although ``given_weights`` is not None."""
        return False

    @property
    def class_names(self) -> tuple[str, ...] | None:
        """The names of the classes that given weights were trained on, one for each logit. None if they are unknown.

        Images of a dataset whose classes all have such names are labeled with the positions of these names.
        """
        return None

    def count_outputs(self, image_shape: tuple[int, int, int], classes: int) -> int:
        """Return how many outputs given weights have, if they have no names; 0 if that is unknown.

        Labels of a dataset that are whole numbers below it are positions of these outputs.
        """
        return 0

    @property
    def has_class_outputs(self) -> bool | None:
        """Whether the outputs for images without labels are logits of classes.

        None, the default, means that they are if they are vectors (N, outputs) of at least two numbers.
        """
        return None

    def normalization(self, channels: int) -> tuple[Tensor, Tensor] | None:
        """Return the mean and the standard deviation of each channel that the network expects, both (channels,).

        None, the default, means the mean and the standard deviation of the training images.
        """
        return None

    @property
    def usual_images(self) -> tuple[tuple[int, int, int], ...]:
        """The shapes (C, H, W) of images for which ``mia-bench show`` lists the layers."""
        return ((1, 28, 28), (3, 32, 32))

    def outline(self, image_shape: tuple[int, int, int]) -> nn.Sequential:
        """Return the layers that ``mia-bench show`` lists, for ten classes or for the classes of given weights."""
        return self.build(image_shape, 10)

    def pinned(self, image_shape: tuple[int, int, int], classes: int) -> Self:
        """Return the model with the content of the files that its parameters name, which identifies a cell."""
        return self

    @abstractmethod
    def build(self, image_shape: tuple[int, int, int], classes: int) -> nn.Sequential:
        """Build the untrained network.

        If the network has no batch normalization, its convolutions are normalized during training. The normalization
        is then folded into their weights and biases, and convolutions without a bias get one.

        Args:
            image_shape: The shape (C, H, W) of the normalized images that the network takes.
            classes: The number of logits, or of labels or numbers for other tasks. 0 if the images have no labels: then
                the network has the outputs of its given weights, of any shape (N, ...).

        Returns:
            Named layers in order, from images (N, C, H, W) to logits (N, classes).
        """


class Dataset(Component, ABC):
    """Describe a source of images. Subclasses define ``load``.

    Example:
        >>> import torch
        >>> from mia_bench.benchmark.interfaces import Dataset, ImageSet, Pools
        >>> class Noise(Dataset):
        ...     def load(self, data_dir):
        ...         labels = torch.arange(20) % 10
        ...         train, aux, private = (ImageSet(torch.rand(20, 1, 8, 8), labels) for _ in range(3))
        ...         return Pools(train, aux, private, classes=tuple("0123456789"))
        >>> len(Noise().load(None).private)
        20
    """

    model: ClassVar[str] = "cnn6"
    """The name of the model that is used by default."""
    split: ClassVar[str] = "relu22"
    """The name of the split that is used by default with that model."""
    training: ClassVar[Training] = Training()
    """How targets are trained on this dataset."""

    @property
    def private_count(self) -> int | None:
        """The number of private images, if it is known before the images are loaded. None if it is not."""
        return None

    @abstractmethod
    def load(self, data_dir: Path | None) -> Pools:
        """Read the images and divide them into disjoint pools.

        Args:
            data_dir: The folder of the data. None means the default folder of the dataset.

        Raises:
            UsageError: If the data are missing or damaged.
        """
