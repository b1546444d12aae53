"""A split model with several networks in the cloud and a secret selection among them on the device."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from ..benchmark.interfaces import Exchange, SplitModel, Wire, timed_ms

Known = Literal["all", "selected", "one"]


class Bodies(nn.Module):
    """Run all server networks.

    Example:
        >>> Bodies([nn.Identity(), nn.ReLU()])(torch.tensor([[-1.0]]))
        tensor([[[-1.],
                 [ 0.]]])
    """

    def __init__(self, networks: Sequence[nn.Module]) -> None:
        """Take the networks, each of which maps IRs (N, ...) to features (N, ...)."""
        super().__init__()
        self.networks = nn.ModuleList(networks)

    def forward(self, ir: Tensor) -> Tensor:
        """Map IRs (N, ...) to the features of all networks, (N, bodies, ...)."""
        return torch.stack([network(ir) for network in self.networks], 1)

    def some(self, numbers: Sequence[int]) -> Bodies:
        """Return some of the networks, which share their weights with these."""
        return Bodies([self.networks[number] for number in numbers])


class Tail(nn.Module):
    """Combine the features of selected networks: the mean of what one layer for each of them makes of its features.

    For linear layers this is one linear layer on all selected features, as published.

    Example:
        >>> Tail([nn.Identity()], selection=[1])(torch.tensor([[[3.0], [5.0]]]))
        tensor([[5.]])
    """

    def __init__(self, layers: Sequence[nn.Module], selection: Sequence[int]) -> None:
        """Take a layer for each number of a network in ``selection``."""
        super().__init__()
        self.layers = nn.ModuleList(layers)
        self.selection = tuple(selection)

    def forward(self, features: Tensor) -> Tensor:
        """Map features (N, bodies, ...) to outputs (N, outputs)."""
        outputs = [layer(features[:, number]) for layer, number in zip(self.layers, self.selection, strict=True)]
        return torch.stack(outputs).mean(0)


class Received(nn.Module):
    """Stand for the answer of the cloud, of which only the shape matters.

    Example:
        >>> Received((2, 4))(torch.rand(3, 8)).shape
        torch.Size([3, 2, 4])
    """

    def __init__(self, shape: Sequence[int]) -> None:
        """Take the shape of the features of one image."""
        super().__init__()
        self.shape = tuple(shape)

    def forward(self, ir: Tensor) -> Tensor:
        """Return zeros in the shape of the features of the images, (N, bodies, ...)."""
        return ir.new_zeros((len(ir), *self.shape))


@dataclass(frozen=True, kw_only=True)
class EnsembleModel(SplitModel):
    """A split model with several networks in the cloud, and with the selection and the last layers on the device.

    ``server`` holds the networks and the last layers, of which the latter run on the device.

    Attributes:
        features: Shape of what the cloud answers for one image, (bodies, ...).
        known: The networks through which attackers without queries train.

    Example:
        ``Ensembler(bodies=3, selected=2).protect(model, train)`` returns one.
    """

    features: tuple[int, ...]
    known: Known

    @property
    def on_device(self) -> nn.Sequential:
        """The client and the last layers."""
        return nn.Sequential(*self.client, Received(self.features), self._parts[1])

    @property
    def in_cloud(self) -> nn.Module:
        """The networks that the adversary trains through, with ``known="one"`` the first of the selected ones."""
        bodies, tail = self._parts
        return bodies if self.known == "all" else bodies.some(tail.selection[: self._count])

    @property
    def tail(self) -> nn.Module:
        """Last layers for these networks."""
        layer = self._parts[1].layers[0]
        return Tail([copy.deepcopy(layer) for _ in range(self._count)], range(self._count))

    def exchange(self, wire: Wire) -> Exchange:
        """Run all networks in the cloud and the last layers on the device."""
        bodies, tail = self._parts
        with torch.no_grad():
            with timed_ms(self.device) as cloud:
                features = bodies(wire.tensor)
            with timed_ms(self.device) as device:
                logits = tail(features)
        return Exchange(logits, client_ms=device.ms, server_ms=cloud.ms, more_bytes_up=0, bytes_down=features.nbytes)

    @property
    def _parts(self) -> tuple[Bodies, Tail]:
        bodies, tail = self.server
        assert isinstance(bodies, Bodies)
        assert isinstance(tail, Tail)
        return bodies, tail

    @property
    def _count(self) -> int:
        """How many networks the adversary trains through."""
        bodies, tail = self._parts
        return {"all": len(bodies.networks), "selected": len(tail.selection), "one": 1}[self.known]
