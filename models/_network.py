"""What networks from outside have in common: given weights, normalization, the last layer, and their division."""

from __future__ import annotations

import logging
from abc import abstractmethod
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import torch
from pydantic import Field, PrivateAttr, model_validator
from torch import Tensor, nn

from ..benchmark.errors import UsageError
from ..benchmark.interfaces import Component, Model
from ..benchmark.interfaces.stages import Stages
from ..benchmark.utils.files import Unreadable, read_text
from ..benchmark.utils.isolation import isolated
from ..benchmark.utils.plurals import count_of
from ._content import File
from ._graph import linearize, require_independence, unwrapped
from ._head import Head
from ._weights import fill, other_classes, read_weights, without_prefix

logger = logging.getLogger(__name__)

Shift = Annotated[float, Field(ge=-1e4, le=1e4)]
Scale = Annotated[float, Field(gt=0, le=1e4)]
Heads = Literal["keep", "retrain"]
IMAGENET_CLASSES = 1000
OUTPUTS = "what images without labels are given: logits of classes, or other values; auto: classes if a vector"
CATEGORIES = "text file with the name of each class that given weights were trained on, a line each, in their order"
HEAD = "keep, or retrain: replace the last layer of given weights by one for the classes of the dataset, and train it"
MEAN = "mean that is subtracted from each channel of images in [0, 1], a number or a list"
STD = "standard deviation that each channel is then divided by; given together with mean"
WEIGHTS = "file of trained weights, .safetensors or .pth, which are used as they are; none: train on the dataset"


class Network(Model):
    """A network that is divided wherever one tensor crosses."""

    mean: Shift | list[Shift] | None = Field(None, description=MEAN)
    std: Scale | list[Scale] | None = Field(None, description=STD)
    head: Heads = Field("keep", description=HEAD)
    outputs: Literal["auto", "classes", "values"] = Field("auto", description=OUTPUTS)
    categories: File | None = Field(None, description=CATEGORIES)
    _counted: dict[tuple[int, ...], int] = PrivateAttr(default_factory=dict)

    @model_validator(mode="after")
    def _normalizes_wholly(self) -> Self:
        if (self.mean is None) != (self.std is None):
            raise ValueError("Expected mean and std together, got one of them. Give the other, or leave out both.")
        return self

    @property
    def retrains_head(self) -> bool:
        """Whether the last layer is trained, though the weights are given."""
        return self.head == "retrain" and self.given_weights is not None

    def normalization(self, channels: int) -> tuple[Tensor, Tensor] | None:
        """Return what ``mean`` and ``std`` say, or what belongs to given weights."""
        given = self.recommended_normalization() if self.given_weights else None
        mean, std = (self.mean, self.std) if self.mean is not None else given or (None, None)
        if mean is None or std is None:
            return None
        return _per_channel("mean", mean, channels), _per_channel("std", std, channels)

    @property
    def has_class_outputs(self) -> bool | None:
        """Whether the outputs are logits of classes, as ``outputs`` says."""
        return None if self.outputs == "auto" else self.outputs == "classes"

    @property
    def class_names(self) -> tuple[str, ...] | None:
        """The names of the classes, from the file ``categories``, or those that belong to given weights."""
        return self.published_names() if self.categories is None else read_names(self.categories.file())

    def published_names(self) -> tuple[str, ...] | None:
        """Return the names of the classes that the publisher of the weights gives; by default none."""
        return None

    def recommended_normalization(self) -> tuple[list[float], list[float]]:
        """Return the mean and the standard deviation of the channels for given weights; by default 0 and 1."""
        return [0.0], [1.0]

    def count_outputs(self, image_shape: tuple[int, int, int], classes: int) -> int:
        """Return how many outputs the network has; 0 if they are not one vector for each image."""
        asked = (*image_shape, classes)
        if asked not in self._counted:
            with isolated("outputs", self.params):
                answer = self._answer(image_shape, classes)
            self._counted[asked] = answer.shape[1] if isinstance(answer, Tensor) and answer.dim() == 2 else 0
        return self._counted[asked]

    def _answer(self, image_shape: tuple[int, int, int], classes: int) -> Any:
        """Return the outputs for two images; None if the network fails, which ``build`` refuses."""
        try:
            with torch.no_grad():
                return unwrapped(self.network(image_shape, classes)).eval().float()(torch.zeros(2, *image_shape))
        except Exception:
            logger.debug("The outputs of %s cannot be counted.", type(self).__name__, exc_info=True)
            return None

    @abstractmethod
    def network(self, image_shape: tuple[int, int, int], classes: int) -> nn.Module:
        """Build the network, with its weights if these are given."""

    def build(self, image_shape: tuple[int, int, int], classes: int) -> Stages:
        """Build the network and divide it.

        Raises:
            UsageError: If it cannot be built, does not fit the images or the classes, or cannot be divided.
        """
        network = unwrapped(self.network(image_shape, classes)).eval().float()
        if self.retrains_head:
            Head.of(network, image_shape).replace(classes)
        stages = self._divided(network, image_shape)
        with torch.no_grad():
            shape = tuple(stages(torch.zeros(1, *image_shape)).shape[1:])
        if self.categories is not None and not self.retrains_head:
            _require_names(len(self.class_names or ()), shape, self.categories.file())
        if classes and shape != (classes,):
            got = f"{shape[0]}" if len(shape) == 1 else f"outputs {shape}"
            if shape == (1,) and classes == 2:
                raise UsageError(
                    "Expected 2 outputs, one for each class, got 1. If it says whether an image is of the second "
                    "class, give task=multi-label and labels of 0 and 1 beside the dataset."
                )
            raise UsageError(
                f"Expected {count_of(classes, 'output')}, one for each class, label or number of the dataset, got "
                f"{got}. {self._other_outputs(shape)} With imagefolder or npz, task=unlabeled measures the agreement "
                "with the undefended network alone."
            )
        return stages

    def _other_outputs(self, shape: tuple[int, ...]) -> str:
        """Return what to do about outputs of another shape than the labels of an image."""
        if len(shape) > 1:
            return "Wrap the network in a module that gives one vector for each image."
        names = "" if self.categories is not None else ", or categories=FILE with their names"
        retrain = "" if self.retrains_head else ", or head=retrain to train its last layer on the dataset"
        return f"Give images of the classes that the network was trained on{names}{retrain}."

    @property
    def usual_images(self) -> tuple[tuple[int, int, int], ...]:
        """The shape of images for which such networks are published."""
        return ((3, 224, 224),)

    def outline(self, image_shape: tuple[int, int, int]) -> Stages:
        """Divide the network for as many classes as given weights have, or else those of ImageNet."""
        return self._divided(unwrapped(self.network(image_shape, IMAGENET_CLASSES)).eval().float(), image_shape)

    def _divided(self, network: nn.Module, image_shape: tuple[int, int, int]) -> Stages:
        stages = linearize(network, image_shape, self.normalization(image_shape[0]))
        require_independence(stages, image_shape, type(network).__name__)
        return stages


def _require_names(found: int, shape: tuple[int, ...], path: Path) -> None:
    if len(shape) == 1 and found != shape[0]:
        raise UsageError(
            f"Expected {shape[0]} names of classes in {path}, one for each output, got {found}. Correct the file."
        )


class _Filled(Component):
    weights: File | None = Field(None, description=WEIGHTS)


class WeightedNetwork(Network, _Filled):  # parameters of the last base come first
    """A network whose weights may come from a file, or from its publisher if it has a parameter ``pretrained``."""

    @model_validator(mode="after")
    def _has_one_source(self) -> Self:
        if self.weights and getattr(self, "pretrained", False):
            raise ValueError("Expected weights or pretrained, got both. Leave out one of them.")
        return self

    @property
    def given_weights(self) -> str | None:
        """The hash of the file's content."""
        return None if self.weights is None else self.weights.digest

    def network(self, image_shape: tuple[int, int, int], classes: int) -> nn.Module:
        """Build the network, as large as the given weights are."""
        classes = classes or IMAGENET_CLASSES
        network = self.untrained(image_shape, classes)
        if self.weights is None:
            return network
        path = self.weights.file()
        weights = without_prefix(read_weights(path), network)
        if trained_classes := other_classes(network, weights, classes):
            network = self.untrained(image_shape, trained_classes)
        fill(network, weights, str(path), ignored=self.ignored_weights())
        return network

    @abstractmethod
    def untrained(self, image_shape: tuple[int, int, int], classes: int) -> nn.Module:
        """Build the network with random weights."""

    def ignored_weights(self) -> tuple[str, ...]:
        """Return beginnings of names of weights that the network does not use."""
        return ()


def read_names(path: Path) -> tuple[str, ...]:
    """Read the names of classes, one a line.

    Raises:
        UsageError: If the file is not such a text.
    """
    try:
        names = tuple(read_text(path).splitlines())
    except Unreadable as error:
        raise UsageError(f"Expected a text file with the name of a class on each line, got {path}. {error}") from error
    if not names or not all(map(str.strip, names)):
        raise UsageError(f"Expected the name of a class on each line of {path}, got an empty line. Remove it.")
    return names


def _per_channel(name: str, values: float | list[float], channels: int) -> Tensor:
    listed = values if isinstance(values, list) else [values]
    if len(listed) not in (1, channels):
        raise UsageError(
            f"Expected {name} to be a number or a list of {channels}, one for each channel, got {len(listed)} numbers. "
            "Give as many."
        )
    return torch.tensor(listed, dtype=torch.float32).expand(channels).clone()
