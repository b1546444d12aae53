"""The last layer of a network: the fully connected layer or convolution that is executed last."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ..interfaces import ImageSet

Layer = nn.Linear | nn.Conv2d
LARGE = 1e3
"""The largest number that is put in place of what a layer gives."""


@dataclass(frozen=True)
class LastLayer:
    """The fully connected layer or convolution of a network that is executed last.

    The order in which layers are registered says nothing about the order in which they are executed.

    Attributes:
        path: Its qualified path in the network.
        layer: The layer.
        gives_output: Whether its output, up to its shape, is that of the network.

    Example:
        >>> LastLayer.of(nn.Sequential(nn.Flatten(), nn.Linear(4, 2)), torch.rand(1, 1, 2, 2)).path
        '1'
    """

    path: str
    layer: Layer
    gives_output: bool

    @classmethod
    @torch.no_grad()
    def of(cls, network: nn.Module, inputs: Tensor) -> LastLayer | None:
        """Run a network on inputs (N, ...), which are copied, and return its last layer; None if it has none.

        The layer gives the output if the network answers with whatever is put in place of what the layer gives. These
        numbers are large and of both signs, since an activation behind the layer leaves some numbers as they are.
        """
        called: list[tuple[nn.Module, Any]] = []
        layers = {part: path for path, part in network.named_modules() if isinstance(part, Layer)}
        hooks = [part.register_forward_hook(lambda part, _, out: called.append((part, out))) for part in layers]
        modes = [(part, part.training) for part in network.modules()]
        try:
            network.eval()(inputs.clone())
            if not called:
                return None
            (part, given), calls = called[-1], len(called)
            large = torch.linspace(-LARGE, LARGE, given.numel()).to(given).view_as(given)
            same = True
            for other in (large, -large):
                called.clear()
                place = part.register_forward_hook(
                    lambda _, __, ___, other=other: other.clone() if len(called) == calls else None
                )
                hooks.append(place)
                answer: Any = network(inputs.clone())
                place.remove()
                same &= isinstance(answer, Tensor) and torch.equal(answer.flatten(), other.flatten())
        finally:
            for hook in hooks:
                hook.remove()
            for each, mode in modes:
                each.training = mode
        assert isinstance(part, Layer)
        return cls(layers[part], part, same)


class Units:
    """The units of the numbers that a network learns: it is trained on numbers of mean 0 and standard deviation 1.

    Numbers far from 0, such as ages in years, would take many steps to reach. The mean and the standard deviation are
    then multiplied into the last layer, so the network gives the numbers themselves. Nothing happens for other tasks,
    and for a network whose last layer does not give its output or has no bias.

    Example:
        >>> network, labels = nn.Sequential(nn.Flatten(), nn.Linear(4, 1)), torch.tensor([[40.0], [60.0]])
        >>> units = Units(network, ImageSet(torch.rand(2, 1, 2, 2), labels, task="regression"))
        >>> units(torch.tensor([[0.0]])).item()
        50.0
    """

    def __init__(self, network: nn.Module, data: ImageSet) -> None:
        """Find the last layer of a network.

        Args:
            network: Gives numbers (N, K) for images (N, C, H, W).
            data: What it is trained on.
        """
        self._layer: str | None = None
        if data.task != "regression":
            return
        self._mean, self._std = data.labels.mean(0), data.scale  # (K,)
        last = LastLayer.of(copy.deepcopy(network), data.images[:2])
        bias = None if last is None or not last.gives_output else last.layer.bias
        if last is not None and bias is not None and len(bias) == len(self._mean):
            self._layer = last.path

    def __call__(self, outputs: Tensor) -> Tensor:
        """Bring what the network gives during training, (N, K), to the units of the numbers."""
        return outputs if self._layer is None else outputs * self._std + self._mean

    @torch.no_grad()
    def fold(self, network: nn.Module) -> None:
        """Multiply the units into the last layer of the trained network, in place."""
        if self._layer is None:
            return
        layer = network.get_submodule(self._layer)
        assert isinstance(layer, Layer)
        assert layer.bias is not None
        layer.weight *= self._std.view(-1, *[1] * (layer.weight.dim() - 1))
        layer.bias.copy_(layer.bias * self._std + self._mean)
