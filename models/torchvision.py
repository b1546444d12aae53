"""The classification networks of torchvision."""

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import Any

import torchvision.models
from pydantic import Field, field_validator, model_validator
from torch import nn

from ..benchmark.errors import UsageError, message_of, reason_of
from ..benchmark.interfaces import Component
from ..benchmark.registry import suggestion
from ._content import Content
from ._network import WeightedNetwork
from ._weights import read_weights

WITH_AUXILIARY = {"googlenet": ("aux1.", "aux2."), "inception_v3": ("AuxLogits.",)}
"""Networks with classifiers in the middle, which only training uses, and how the names of their weights begin."""


class _Named(Component):
    name: str = Field("", description="as torchvision.models.list_models names it, such as resnet18")


class Torchvision(WeightedNetwork, _Named):
    """A classification network of torchvision, cut wherever one tensor crosses.

    Without weights it is trained on the dataset. Given weights are used as they are, with the normalization that
    torchvision publishes for the network, unless ``mean`` and ``std`` say another.

    Example:
        mia-bench run --dataset cifar10 --model torchvision:name=resnet18 --split layer1,layer2 --attack ridge

    Source: the models of torchvision and the papers that its documentation names.
    """

    pretrained: bool | str = Field(False, description="torchvision's own weights: true for its default, or their name")

    @field_validator("name")
    @classmethod
    def _is_known(cls, name: str) -> str:
        if name in torchvision.models.list_models() and name not in names():
            raise ValueError(
                "Expected a network of torchvision that classifies images, got one for another task. Write a function "
                "that returns it, with one tensor as its output, and name it with python:build=module:function."
            )
        if name and name not in names():
            raise ValueError(
                f"Expected a classification network of torchvision{suggestion(name, names())} Give a name that "
                "torchvision.models.list_models() has."
            )
        return name

    @model_validator(mode="before")
    @classmethod
    def _settle(cls, data: Any) -> Any:
        """Write ``pretrained`` as the name of the weights and the hash of their content."""
        if not isinstance(data, dict) or str(data.get("pretrained", False)).lower() in ("false", "none"):
            return {**data, "pretrained": False} if isinstance(data, dict) and "pretrained" in data else data
        name = data.get("name")
        return {**data, "pretrained": _settled(name, str(data["pretrained"]))} if name in names() else data

    @property
    def given_weights(self) -> str | None:
        """The hash of the weights' content."""
        return str(self.pretrained) if self.pretrained else super().given_weights

    @property
    def has_class_outputs(self) -> bool:
        """Whether the outputs are logits of classes, as they are in networks for classification."""
        return self.outputs != "values"

    def published_names(self) -> tuple[str, ...] | None:
        """Return those of torchvision's weights, if the given weights have as many classes."""
        if not self.name or not self.given_weights:
            return None
        names = tuple(self._published().meta["categories"])
        return names if self.pretrained or _has_rows(self.weights, len(names)) else None

    def recommended_normalization(self) -> tuple[list[float], list[float]]:
        """Return what torchvision publishes for its weights of this network.

        In networks with classifiers in the middle, these weights expect images in [-1, 1]: torchvision publishes the
        usual normalization for them, and undoes it inside the network.
        """
        if self.name in WITH_AUXILIARY:
            return [0.5], [0.5]
        preset: Any = self._published().transforms()
        return list(preset.mean), list(preset.std)

    def network(self, image_shape: tuple[int, int, int], classes: int) -> nn.Module:
        """Build the network, with the weights that are given."""
        if not self.name:
            raise UsageError("Expected the name of a network, got none. Write torchvision:name=resnet18, for example.")
        _require_colors(self.name, image_shape)
        if not self.pretrained:
            return super().network(image_shape, classes)
        weights = self._published()
        try:
            return torchvision.models.get_model(self.name, weights=weights, **self._settings(image_shape))
        except OSError as error:
            raise UsageError(
                f"Expected a connection to {weights.url}, got none ({message_of(error)}). Download the file elsewhere "
                "and give weights=FILE."
            ) from error
        except (ValueError, AssertionError) as error:
            raise self._unfit(image_shape, error) from error

    def untrained(self, image_shape: tuple[int, int, int], classes: int) -> nn.Module:
        """Build the network with random weights."""
        settings = self._settings(image_shape)
        if self.name in WITH_AUXILIARY:
            settings["init_weights"] = self.weights is None  # takes a minute
        try:
            return torchvision.models.get_model(self.name, num_classes=classes, **settings)
        except (ValueError, AssertionError) as error:
            raise self._unfit(image_shape, error) from error

    def _unfit(self, image_shape: tuple[int, int, int], error: Exception) -> UsageError:
        return UsageError(
            f"Expected images that {self.name} takes, got {'x'.join(map(str, image_shape))}: {reason_of(error)}. "
            "Choose another size."
        )

    def ignored_weights(self) -> tuple[str, ...]:
        """Return the classifiers in the middle."""
        return WITH_AUXILIARY.get(self.name, ())

    @property
    def usual_images(self) -> tuple[tuple[int, int, int], ...]:
        """The shape of images that torchvision's weights of the network are for."""
        if not self.name:
            return super().usual_images
        preset: Any = self._published().transforms()
        return ((3, preset.crop_size[0], preset.crop_size[0]),)

    def _settings(self, image_shape: tuple[int, int, int]) -> dict[str, Any]:
        """Return what the network is built with beside the number of classes."""
        settings: dict[str, Any] = {}
        if self.name in WITH_AUXILIARY:
            settings |= {"aux_logits": False, "transform_input": False}
        _, height, width = image_shape
        if self.name.startswith("vit_"):
            settings["image_size"] = height
        if self.name.startswith("maxvit"):
            settings["input_size"] = (height, width)
        return settings

    def _published(self) -> Any:
        """Return the weights that ``pretrained`` names, or torchvision's default."""
        published = torchvision.models.get_model_weights(self.name)
        return published[str(self.pretrained).partition("@")[0]] if self.pretrained else published["DEFAULT"]


@lru_cache(maxsize=16)
def _has_rows(weights: Content | None, count: int) -> bool:
    """Return whether weights have a layer with so many outputs. In these networks, only the last one has a thousand."""
    given = {} if weights is None else read_weights(weights.file())
    return any(each.dim() > 1 and len(each) == count for each in given.values())


@cache
def names() -> list[str]:
    """List the classification networks of torchvision."""
    return torchvision.models.list_models(module=torchvision.models)


def _settled(name: str, wanted: str) -> str:
    published = torchvision.models.get_model_weights(name)
    chosen, _, digest = wanted.partition("@")
    chosen = "DEFAULT" if chosen.lower() == "true" else chosen
    if chosen not in published.__members__:
        raise ValueError(
            f"Expected pretrained to be true or one of {', '.join(published.__members__)}, got {wanted}. Choose one of "
            "them."
        )
    weights = published[chosen]
    known = re.search(r"-([0-9a-f]{8,})\.pth$", weights.url)
    found = known[1] if known else ""
    if digest and digest != found:
        raise ValueError(
            f"Expected pretrained to be {weights.name}@{found}, got {wanted}. Install the version of torchvision that "
            "has these weights, or choose its own."
        )
    return f"{weights.name}@{found}"


def _require_colors(name: str, image_shape: tuple[int, int, int]) -> None:
    if image_shape[0] != 3:
        raise UsageError(
            f"Expected images with 3 channels for {name}, got {image_shape[0]}. Choose a dataset of color images, such "
            "as imagefolder:channels=3."
        )
