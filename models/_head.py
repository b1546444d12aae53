"""The last layer of a network, which gives one logit for each class."""

from __future__ import annotations

from collections.abc import Mapping
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
        network: it belongs to.
        path: its qualified path.
    """

    network: nn.Module
    path: str

    @classmethod
    def of(cls, network: nn.Module, image_shape: tuple[int, int, int]) -> Head:
        """Find the fully connected layer or convolution of a network that is executed last.

        Raises:
            UsageError: if it has none, or cannot take such images.
        """
        kind, shape = type(network).__name__, "x".join(map(str, image_shape))
        try:
            last = LastLayer.of(network, torch.zeros(1, *image_shape))
        except Exception as error:
            raise UsageError(
                f"Expected a network that takes images of {shape}, got {kind}, which does not: {reason_of(error)}. "
                f"{OTHER_IMAGES}"
            ) from error
        if last is None:
            raise UsageError(
                f"Expected a network with a fully connected layer or a convolution, got {kind}. Choose another."
            )
        return cls(network, last.path)

    @property
    def layer(self) -> nn.Linear | nn.Conv2d:
        """The layer."""
        layer = self.network.get_submodule(self.path)
        assert isinstance(layer, nn.Linear | nn.Conv2d)
        return layer

    def rows(self, weights: Mapping[str, Tensor]) -> int | None:
        """Return for how many classes some weights are; None if they have no such layer."""
        weight = weights.get(f"{self.path}.weight")
        return len(weight) if weight is not None and weight.dim() else None

    def replace(self, classes: int) -> None:
        """Put a layer with random weights for other classes in its place."""
        old, bias = self.layer, self.layer.bias is not None
        if isinstance(old, nn.Linear):
            new: nn.Module = nn.Linear(old.in_features, classes, bias=bias)
        else:
            kernel, padding = tuple(old.kernel_size), old.padding
            new = nn.Conv2d(old.in_channels, classes, kernel, tuple(old.stride), padding, bias=bias)  # pyright: ignore[reportArgumentType]
        self.network.set_submodule(self.path, new)
