"""Division of a network into layers that servers apply to shares and layers that the device computes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from ...benchmark.errors import Inapplicable
from ...benchmark.interfaces.stages import cut_name
from ...benchmark.metrics.held_weights import held_weights
from .._layers import SHAPING, flat
from .layers import IntegerLayer, input_limit
from .ring import PrecisionError, encode

WEIGHTED = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.BatchNorm1d, nn.BatchNorm2d)
"""Layers that the servers apply to shares."""
BATCH_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)
SPARE = 8
"""Factor by which values may exceed those of the training images."""


@dataclass(frozen=True)
class Round:
    """What the device computes and then the servers.

    Attributes:
        local: Layers without weights, which the device computes before it shares the result.
        names: Names of the layers of the servers.
        network: These layers, in torch.
        layers: The same with integer weights.
        shape: Shape of their result for one image.
        bits: Fractional bits of the result.
        limit: Largest integer that may be shared.
    """

    local: nn.Sequential
    names: tuple[str, ...]
    network: nn.Sequential
    layers: list[IntegerLayer] = field(default_factory=list)
    shape: tuple[int, ...] = ()
    bits: int = 0
    limit: int = 0


def rounds_of(network: nn.Sequential) -> tuple[list[Round], nn.Sequential]:
    """Divide a network into rounds, and the layers that the device computes after the last one.

    Raises:
        Inapplicable: If a layer has weights but is not affine, or no layer has weights.
    """
    rounds: list[Round] = []
    local: list[nn.Module] = []
    remote: list[tuple[str, nn.Module]] = []
    waiting: list[tuple[str, nn.Module]] = []  # Layers that change the shape, after a layer with weights.

    def close() -> None:
        nonlocal local, remote
        if remote:
            layers = nn.Sequential(*(layer for _, layer in remote))
            rounds.append(Round(nn.Sequential(*local), tuple(name for name, _ in remote), layers))
            local, remote = [], []

    for name, layer in flat(network):
        _check(name, layer)
        if isinstance(layer, nn.BatchNorm2d) and remote and not waiting and isinstance(remote[-1][1], nn.Conv2d):
            remote[-1] = remote[-1][0], fuse_conv_bn_eval(remote[-1][1], layer)
        elif isinstance(layer, WEIGHTED):
            remote += [*waiting, (name, layer)]
            waiting = []
        elif isinstance(layer, SHAPING) and remote:
            waiting.append((name, layer))
        else:
            close()
            local += [*(each for _, each in waiting), layer]
            waiting = []
    close()
    if not rounds:
        raise Inapplicable("The server has no layers with weights to compute on shares. Choose an earlier split.")
    return rounds, nn.Sequential(*local, *(each for _, each in waiting))


def _check(name: str, layer: nn.Module) -> None:
    reason = ""
    if isinstance(layer, BATCH_NORMS) and layer.running_mean is None:
        reason = "it keeps no running statistics. Set track_running_stats."
    elif isinstance(layer, nn.Conv1d | nn.Conv2d) and layer.padding_mode != "zeros":
        reason = f"it pads by {layer.padding_mode!r}. Use zeros."
    elif not isinstance(layer, WEIGHTED) and held_weights(layer):
        reason = "it has weights and is not a single affine layer. Split behind it."
    if reason:
        raise Inapplicable(
            f"The layer {cut_name(name)!r} ({type(layer).__name__}) cannot be computed on shares: {reason}"
        )


@torch.no_grad()
def compiled(each: Round, sample: Tensor, *, bits: int) -> tuple[Round, Tensor]:
    """Return a round with integer layers, and what it gives for samples of its input (N, ...) before ``local``.

    Raises:
        Inapplicable: If values of the size of the samples do not fit into the ring.
    """
    value = cast(Tensor, each.local(sample))
    largest, layers, scale = value.abs().max().item(), list[IntegerLayer](), bits
    try:
        for layer in each.network:
            before, value = value, cast(Tensor, layer(value))
            layers += _integer(layer, tuple(before.shape[1:]), tuple(value.shape[1:]), bits=bits, scale=scale + bits)
            scale += bits if isinstance(layer, WEIGHTED) else 0
        limit = input_limit(layers)
        encode(np.array([SPARE * largest]), bits, limit=limit)
    except PrecisionError as error:
        raise Inapplicable(f"The layers {', '.join(map(cut_name, each.names))} exhaust the ring. {error}") from error
    return Round(each.local, each.names, each.network, layers, tuple(value.shape[1:]), scale, limit), value


def _integer(
    layer: nn.Module, before: tuple[int, ...], after: tuple[int, ...], *, bits: int, scale: int
) -> list[IntegerLayer]:
    """Return a layer with weights in multiples of 2^-``bits`` and a bias in multiples of 2^-``scale``."""

    def whole(values: Tensor, places: int) -> NDArray[np.int64]:
        return encode(values.detach().double().cpu().numpy(), places).view(np.int64)

    if isinstance(layer, BATCH_NORMS):
        factor, bias = _scale_and_shift(layer)
        return [IntegerLayer("scale", after, whole(factor[:, None], bits), whole(bias, scale))]
    if not isinstance(layer, nn.Linear | nn.Conv1d | nn.Conv2d):
        return [IntegerLayer("reshape", after)]
    weights = layer.weight.flatten(1)
    bias = weights.new_zeros(len(weights)) if layer.bias is None else layer.bias
    parts = whole(weights, bits), whole(bias, scale)
    if isinstance(layer, nn.Linear):
        return [IntegerLayer("linear", after, *parts)]
    options = _options(layer)
    if isinstance(layer, nn.Conv2d):
        return [IntegerLayer("convolution", after, *parts, options)]
    high = IntegerLayer("reshape", (before[0], 1, before[1]))
    return [high, IntegerLayer("convolution", (after[0], 1, after[1]), *parts, options), IntegerLayer("reshape", after)]


def _options(layer: nn.Conv1d | nn.Conv2d) -> dict[str, Any]:
    """Return the options of a convolution over height and width. One of a sequence has the height 1."""
    ones = (1,) * (2 - len(layer.kernel_size))
    padding = [*cast(list[int], layer._reversed_padding_repeated_twice), 0, 0][:4]
    return {
        "kernel": (*ones, *layer.kernel_size),
        "stride": (*ones, *layer.stride),
        "dilation": (*ones, *layer.dilation),
        "groups": layer.groups,
        "padding": padding,
    }


def _scale_and_shift(layer: nn.BatchNorm1d | nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    """Return the factor and the offset of each channel of a batch normalization in evaluation mode, both (C,)."""
    assert layer.running_mean is not None
    assert layer.running_var is not None
    factor = (layer.running_var.double() + layer.eps).rsqrt()
    if layer.weight is not None:
        factor = factor * layer.weight
    shift = -layer.running_mean * factor
    return factor, shift if layer.bias is None else shift + layer.bias
