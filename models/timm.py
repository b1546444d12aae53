"""The networks of timm."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field
from torch import nn

from ..benchmark.errors import UsageError, reason_of
from ..benchmark.interfaces import Component
from ..benchmark.registry import suggestion
from ..benchmark.utils.extras import require_extra
from ._network import WeightedNetwork


class _Named(Component):
    name: str = Field("", description="as timm.list_models names it, such as resnet18")


class Timm(WeightedNetwork, _Named):
    """A classification network of timm, cut wherever one tensor crosses.

    Without weights it is trained on the dataset. Given weights are used as they are, with the normalization that
    timm publishes for the network, unless ``mean`` and ``std`` say another. Nothing is downloaded.

    Example:
        mia-bench run --dataset cifar10 --model timm:name=resnet10t --split layer1 --attack ridge

    Source: Wightman, "PyTorch Image Models", https://github.com/huggingface/pytorch-image-models.
    """

    version: ClassVar[int] = 2

    @property
    def has_class_outputs(self) -> bool:
        """Whether the outputs are logits of classes, as they are in networks for classification."""
        return self.outputs != "values"

    def recommended_normalization(self) -> tuple[list[float], list[float]]:
        """Return what timm publishes for its weights of this network."""
        published = _package().models.get_pretrained_cfg(self.name)
        return ([0.0], [1.0]) if published is None else (list(published.mean), list(published.std))

    def untrained(self, image_shape: tuple[int, int, int], classes: int) -> nn.Module:
        """Build the network with random weights."""
        timm = _package()
        if not self.name:
            raise UsageError("Expected the name of a network, got none. Write timm:name=resnet10t, for example.")
        if not timm.is_model(self.name):  # neither a name on a hub nor a folder
            raise UsageError(
                f"Expected a network of timm, got {self.name!r}{suggestion(self.name, timm.list_models())} Give a name "
                "that timm.list_models() has."
            )
        channels, height, width = image_shape
        settings: dict[str, Any] = {"pretrained": False, "num_classes": classes, "in_chans": channels}
        try:
            return timm.create_model(self.name, **settings, img_size=(height, width))
        except TypeError:  # networks of convolutions take images of any size and have no such argument
            return timm.create_model(self.name, **settings)
        except Exception as error:
            raise UsageError(
                f"Expected a network that takes images of {height}x{width}, got {self.name}: {reason_of(error)}. "
                "Resize the images, or choose another network."
            ) from error


def _package() -> Any:
    require_extra("timm", "timm")
    import timm

    return timm
