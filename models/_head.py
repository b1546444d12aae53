"""The last layer of a network, which gives one logit for each class."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..benchmark.errors import UsageError, reason_of
from ..benchmark.training import LastLayer
from ._graph import OTHER_IMAGES


@dataclass(frozen=True)
class Head:
    """The layer with weights that is executed last.

    Attributes:
        network: It belongs to.
        path: Its qualified path.
    """

    network: nn.Module
    path: str

    @classmethod
    @torch.no_grad()
    def of(cls, network: nn.Module, image_shape: tuple[int, int, int]) -> Head:
        """Find the fully connected layer or convolution of a network that is executed last.

        Raises:
            UsageError: If it has none, or cannot take such images.
        """
        kind, shape = type(network).__name__, "x".join(map(str, image_shape))
        try:
            images = torch.zeros(1, *image_shape)
            last, answer = LastLayer.of(network, images), network(images)
        except Exception as error:
            raise UsageError(
                f"Expected a network that takes images of {shape}, got {kind}, which does not: {reason_of(error)}. "
                f"{OTHER_IMAGES}"
            ) from error
        if last is None:
            raise UsageError(
                f"Expected a network with a fully connected layer or a convolution, got {kind}. Choose another."
            )
        rows, outputs = len(last.layer.weight), tuple(answer.shape[1:]) if isinstance(answer, Tensor) else ()
        if outputs and rows not in outputs:
            raise UsageError(
                f"Expected a network whose last layer is fully connected or a convolution, got {kind}: {last.path} "
                f"gives {rows} numbers, and the network {outputs}. Leave out head=retrain."
            )
        return cls(network, last.path)

    @property
    def layer(self) -> nn.Linear | nn.Conv2d:
        """The layer."""
        layer = self.network.get_submodule(self.path)
        assert isinstance(layer, nn.Linear | nn.Conv2d)
        return layer

    def replace(self, classes: int) -> None:
        """Put a layer with random weights for other classes in its place."""
        old, bias = self.layer, self.layer.bias is not None
        if isinstance(old, nn.Linear):
            new: nn.Module = nn.Linear(old.in_features, classes, bias=bias)
        else:
            kernel, padding = tuple(old.kernel_size), old.padding
            stride, dilation = tuple(old.stride), tuple(old.dilation)
            new = nn.Conv2d(old.in_channels, classes, kernel, stride, padding, dilation, bias=bias)  # pyright: ignore[reportArgumentType]
        self.network.set_submodule(self.path, new)
