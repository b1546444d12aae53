"""Structured pruning: the channels of a chain of layers that are removed."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..benchmark.errors import Inapplicable
from ..benchmark.interfaces import SplitModel
from ..benchmark.metrics.macs import count_macs
from ._layers import flat

CHANNELWISE = (
    nn.Identity,
    nn.ReLU,
    nn.ReLU6,
    nn.LeakyReLU,
    nn.ELU,
    nn.GELU,
    nn.SiLU,
    nn.Hardswish,
    nn.Sigmoid,
    nn.Tanh,
    nn.Dropout,
    nn.Dropout2d,
    nn.MaxPool2d,
    nn.AvgPool2d,
    nn.AdaptiveAvgPool2d,
    nn.AdaptiveMaxPool2d,
)
"""Layers without weights that compute each channel from the same channel."""
STEPS = 64
"""Shares that are considered to meet a number of operations: multiples of 1 / 64."""


@dataclass(frozen=True)
class Kept:
    """The channels that remain of a value.

    Attributes:
        positions: Their positions among all channels, (K,), sorted.
        count: Number of all channels.
        vector: Whether the value is a vector, in which a channel is a block of equal length.
    """

    positions: Tensor
    count: int
    vector: bool

    def inputs(self, size: int) -> Tensor:
        """Return the positions of the channels among ``size`` numbers, of which each channel has a block."""
        block = size // self.count
        return (self.positions[:, None] * block + torch.arange(block, device=self.positions.device)).flatten()


def prune(model: SplitModel, share: float) -> None:
    """Remove a share of the output channels of each convolution and fully connected layer on the device, in place.

    In each layer, those with the smallest L1 norm of their weights are removed, and the inputs of the next layer with
    them, on the device or on the server. At least one channel of each layer remains. The outputs of the network are
    not removed.

    Args:
        model: A copy that may be changed.
        share: The share that is removed, in [0, 1).

    Raises:
        Inapplicable: If a layer behind a pruned one has no channels that can be removed one by one.

    Source: Li, Kadav, Durdanovic, Samet, Graf, ICLR 2017, "Pruning filters for efficient ConvNets".
    """
    device = list(flat(model.client))
    layers = [*device, *flat(model.server)]
    _refuse_repeated(layers)
    weighted = [place for place, (_, layer) in enumerate(layers) if isinstance(layer, nn.Conv2d | nn.Linear)]
    kept: Kept | None = None
    for place, (name, layer) in enumerate(layers):
        on_device = place < len(device)
        if kept is None and not on_device:
            return
        if kept is not None:
            kept = _with_fewer_inputs(name, layer, kept)
        if on_device and place in weighted[:-1] and not _is_depthwise(layer):
            kept = _with_fewer_outputs(name, layer, share)


def share_for(model: SplitModel, images: Tensor, macs: int) -> float:
    """Return the smallest share of channels without which the device computes at most ``macs`` operations.

    Args:
        model: The model before it is pruned.
        images: One image, (1, C, H, W).
        macs: Multiply-accumulate operations for it.

    Raises:
        Inapplicable: If no share is large enough.
    """
    low, high = -1, STEPS
    while high - low > 1:
        middle = (low + high) // 2
        pruned = model.copy()
        prune(pruned, middle / STEPS)
        low, high = (low, middle) if count_macs(pruned.client, images) <= macs else (middle, high)
    if high == STEPS:
        raise Inapplicable(
            f"Expected to prune the device to {macs} multiply-accumulate operations, which needs more than "
            f"{(STEPS - 1) / STEPS:.0%} of the channels. Give prune as a share, or move the split by fewer layers."
        )
    return high / STEPS


def _is_depthwise(layer: nn.Module) -> bool:
    return isinstance(layer, nn.Conv2d) and 1 < layer.groups == layer.in_channels == layer.out_channels


def _refuse_repeated(layers: list[tuple[str, nn.Module]]) -> None:
    weighted = [id(layer) for _, layer in layers if isinstance(layer, nn.Conv2d | nn.Linear)]
    if len(set(weighted)) < len(weighted):
        raise Inapplicable("Expected each layer with weights once, got one that is applied repeatedly. Set prune to 0.")


def _with_fewer_outputs(name: str, layer: nn.Module, share: float) -> Kept:
    """Remove the outputs with the smallest weights from a layer, and return which remain."""
    assert isinstance(layer, nn.Conv2d | nn.Linear)
    if isinstance(layer, nn.Conv2d) and layer.groups > 1:
        raise _unknown(name, layer)
    count = len(layer.weight)
    norms = layer.weight.detach().flatten(1).abs().sum(1)  # (outputs,)
    positions = norms.topk(count - math.floor(count * share + 1e-9)).indices.sort().values
    _select(layer, "weight", positions)
    _select(layer, "bias", positions)
    setattr(layer, "out_channels" if isinstance(layer, nn.Conv2d) else "out_features", len(positions))
    return Kept(positions, count, isinstance(layer, nn.Linear))


def _with_fewer_inputs(name: str, layer: nn.Module, kept: Kept) -> Kept | None:
    """Remove the inputs from a layer that the layer before it does not send any more.

    Returns:
        What remains of its outputs, None if that is all of them.
    """
    match layer:
        case nn.Conv2d() if _is_depthwise(layer):
            _select(layer, "weight", kept.positions)
            _select(layer, "bias", kept.positions)
            layer.in_channels = layer.out_channels = layer.groups = len(kept.positions)
            return kept
        case nn.Conv2d(groups=1):
            layer.weight = nn.Parameter(layer.weight.detach()[:, kept.positions])
            layer.in_channels = len(kept.positions)
            return None
        case nn.Linear() if kept.vector:
            layer.weight = nn.Parameter(layer.weight.detach()[:, kept.inputs(layer.in_features)])
            layer.in_features = layer.weight.shape[1]
            return None
        case nn.BatchNorm2d() | nn.BatchNorm1d():
            positions = kept.inputs(layer.num_features)
            for part in ("weight", "bias", "running_mean", "running_var"):
                _select(layer, part, positions)
            layer.num_features = len(positions)
            return kept
        case nn.Flatten(start_dim=1, end_dim=-1) if not kept.vector:  # else the channels may be those of tokens
            return Kept(kept.positions, kept.count, vector=True)
        case _ if isinstance(layer, CHANNELWISE):
            return kept
        case _:
            raise _unknown(name, layer)


def _unknown(name: str, layer: nn.Module) -> Inapplicable:
    return Inapplicable(
        "Expected a chain of convolutions, fully connected layers and layers that keep channels apart, got "
        f"{type(layer).__name__} in {name!r}, from which no channels can be removed. Set prune to 0, or split earlier."
    )


def _select(layer: nn.Module, name: str, positions: Tensor) -> None:
    """Keep these entries of a weight or buffer; one that is None stays None."""
    value = getattr(layer, name)
    if value is not None:
        chosen = value.detach()[positions]
        setattr(layer, name, nn.Parameter(chosen) if isinstance(value, nn.Parameter) else chosen)
