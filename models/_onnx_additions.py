"""Operators of ONNX that onnx2torch does not know, or knows in part, as modules of torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from ._onnx_operators import KNOWN

OWN = "mia_bench/"
"""What the types of operators that are read here begin with, once they are marked."""
_CONVOLUTIONS = {3: nn.ConvTranspose1d, 4: nn.ConvTranspose2d, 5: nn.ConvTranspose3d}
_POOLS = {1: functional.avg_pool1d, 2: functional.avg_pool2d, 3: functional.avg_pool3d}
Settings = Mapping[str, Any]
"""The attributes of an operator by name."""


class Trilu(nn.Module):
    """Keep the upper or the lower triangle of matrices, from a diagonal on."""

    def __init__(self, settings: Settings, diagonal: Tensor | None = None) -> None:
        super().__init__()
        self.kept = torch.triu if settings.get("upper", 1) else torch.tril
        self.diagonal = 0 if diagonal is None else int(diagonal)

    def forward(self, value: Tensor) -> Tensor:
        """Map (..., rows, columns) to the same shape."""
        return self.kept(value, self.diagonal)


class OneHot(nn.Module):
    """Give a number for the class that an index names, and another one for all other classes."""

    def __init__(self, settings: Settings, classes: Tensor, values: Tensor) -> None:
        super().__init__()
        self.axis, self.classes = settings.get("axis", -1), int(classes)
        self.off, self.on = values.tolist()
        self.kind = values.dtype

    def forward(self, index: Tensor) -> Tensor:
        """Map indices, of which negative ones count from the end, to one more axis."""
        each = torch.arange(self.classes, device=index.device)
        named = torch.where(index < 0, index + self.classes, index)[..., None] == each
        return torch.where(named, self.on, self.off).to(self.kind).movedim(-1, self.axis)


class DepthToSpace(nn.Module):
    """Move channels to rows and columns, where all channels of one place in a block follow each other."""

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self.side = settings["blocksize"]

    def forward(self, maps: Tensor) -> Tensor:
        """Map (N, C, H, W) to (N, C / side^2, side H, side W)."""
        blocks = maps.unflatten(1, (self.side**2, -1)).transpose(1, 2).flatten(1, 2)
        return functional.pixel_shuffle(blocks, self.side)


class SpaceToDepth(DepthToSpace):
    """Move blocks of rows and columns to channels."""

    def forward(self, maps: Tensor) -> Tensor:
        """Map (N, C, H, W) to (N, side^2 C, H / side, W / side)."""
        blocks = functional.pixel_unshuffle(maps, self.side)
        return blocks.unflatten(1, (-1, self.side**2)).transpose(1, 2).flatten(1, 2)


class GlobalMaxPool(nn.Module):
    """Take the largest number of each channel."""

    def __init__(self, settings: Settings) -> None:
        super().__init__()

    def forward(self, maps: Tensor) -> Tensor:
        """Map (N, C, ...) to (N, C, 1, ...)."""
        return maps.amax(tuple(range(2, maps.dim())), keepdim=True)


class AveragePool(nn.Module):
    """Take means of maps that are padded by more zeros on one side than on the other."""

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self.kernel = settings["kernel_shape"]
        half = len(self.kernel)
        self.pads = [settings["pads"][side + axis] for axis in reversed(range(half)) for side in (0, half)]
        self.strides = settings.get("strides", [1] * half)
        self.ceil, self.counts_zeros = bool(settings.get("ceil_mode")), bool(settings.get("count_include_pad"))

    def forward(self, maps: Tensor) -> Tensor:
        """Map (N, C, ...) to smaller maps."""
        return self._mean(maps) if self.counts_zeros else self._mean(maps) / self._mean(torch.ones_like(maps[:1, :1]))

    def _mean(self, maps: Tensor) -> Tensor:
        padded = functional.pad(maps, self.pads)
        return _POOLS[len(self.kernel)](padded, self.kernel, self.strides, ceil_mode=self.ceil)


class GroupNorm(nn.GroupNorm):
    """Normalize groups of channels. The weights are those of channels, or of groups before version 21."""

    def __init__(self, settings: Settings, scale: Tensor, bias: Tensor) -> None:
        super().__init__(settings["num_groups"], len(scale), settings.get("epsilon", 1e-5))
        self.weight, self.bias = nn.Parameter(scale.float()), nn.Parameter(bias.float())

    def forward(self, input: Tensor) -> Tensor:  # the name of the base class
        """Map (N, C, ...) to the same shape."""
        weight, bias = (each.repeat_interleave(input.shape[1] // len(each)) for each in (self.weight, self.bias))
        return functional.group_norm(input, self.num_groups, weight, bias, self.eps)


class RmsNorm(nn.RMSNorm):
    """Divide numbers by their root mean square along the last axes."""

    def __init__(self, settings: Settings, scale: Tensor) -> None:
        super().__init__(scale.shape, settings.get("epsilon", 1e-5))
        self.weight = nn.Parameter(scale.float())


class Swish(nn.Module):
    """Multiply numbers by their logistic function."""

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self.slope = settings.get("alpha", 1.0)

    def forward(self, value: Tensor) -> Tensor:
        """Map numbers of any shape."""
        return value * torch.sigmoid(self.slope * value)


class Crop(nn.Module):
    """Leave out the first and the last numbers along each axis of maps."""

    def __init__(self, first: list[int], last: list[int]) -> None:
        super().__init__()
        self.pads = [-each for pair in zip(reversed(first), reversed(last), strict=True) for each in pair]

    def forward(self, maps: Tensor) -> Tensor:
        """Map (N, C, ...) to smaller maps."""
        return functional.pad(maps, self.pads)


def _transposed(settings: Settings, weight: Tensor, bias: Tensor | None = None) -> nn.Module:
    """Return a transposed convolution that leaves out more on one side than on the other."""
    sizes, half = weight.shape[2:], weight.dim() - 2
    ones, pads = [1] * half, settings["pads"]
    added = settings.get("output_padding", [0] * half)
    layer = _CONVOLUTIONS[weight.dim()](
        weight.shape[0],
        weight.shape[1] * settings.get("group", 1),
        sizes,
        settings.get("strides", ones),
        output_padding=added,
        groups=settings.get("group", 1),
        bias=bias is not None,
        dilation=settings.get("dilations", ones),
    )
    layer.weight = nn.Parameter(weight.float())
    layer.bias = None if bias is None else nn.Parameter(bias.float())
    return nn.Sequential(layer, Crop(pads[:half], pads[half:]))


def _clip(_: Settings, low: Tensor | None, high: Tensor) -> nn.Module:
    from onnx2torch.node_converters.clip import OnnxClip

    return OnnxClip(None if low is None else float(low), float(high))


_ADDED: dict[str, Callable[..., nn.Module]] = {
    "AveragePool": AveragePool,
    "Clip": _clip,
    "ConvTranspose": _transposed,
    "DepthToSpace": DepthToSpace,
    "Gelu": lambda settings: nn.GELU(approximate=settings.get("approximate", "none")),
    "GlobalMaxPool": GlobalMaxPool,
    "GroupNormalization": GroupNorm,
    "Mish": lambda _: nn.Mish(),
    "OneHot": OneHot,
    "RMSNormalization": RmsNorm,
    "SpaceToDepth": SpaceToDepth,
    "Swish": Swish,
    "ThresholdedRelu": lambda settings: nn.Threshold(settings.get("alpha", 1.0), 0.0),
    "Trilu": Trilu,
}
"""What builds the module of each operator from its attributes and the constants after its first input."""
_OTHERWISE_KNOWN: dict[str, Callable[[Any, Settings], bool]] = {
    "AveragePool": lambda _, settings: _is_lopsided(settings),
    "Clip": lambda node, _: len(node.input) > 2 and not node.input[1],
    "ConvTranspose": lambda _, settings: _is_lopsided(settings),
    "DepthToSpace": lambda _, settings: settings.get("mode", b"DCR") == b"DCR",
}
"""The settings of operators that onnx2torch knows with others."""


def _is_lopsided(settings: Settings) -> bool:
    pads = settings.get("pads", [])
    return pads[: len(pads) // 2] != pads[len(pads) // 2 :]


def marked(model: Any) -> Any:
    """Give operators that are read here a type of their own, for which onnx2torch asks this file.

    Args:
        model: An ``onnx.ModelProto``, which is changed.

    Returns:
        The model.
    """
    from onnx import helper

    for node in model.graph.node:
        settings = {each.name: helper.get_attribute_value(each) for each in node.attribute}
        known = not node.domain or (node.domain, node.op_type) == ("com.microsoft", "Gelu")
        if known and node.op_type in _ADDED and _OTHERWISE_KNOWN.get(node.op_type, lambda *_: True)(node, settings):
            node.name, node.op_type, node.domain = node.name or node.op_type, f"{OWN}{node.op_type}", ""
    _teach()
    return model


@cache
def _teach() -> None:
    """Tell onnx2torch what the operators are."""
    from onnx2torch.node_converters.registry import add_converter
    from onnx2torch.utils.common import OnnxMapping, OperationConverterResult

    def convert(node: Any, graph: Any) -> OperationConverterResult:
        kind, constants = node.operation_type.removeprefix(OWN), node.input_values[1:]
        computed = [name for name in constants if name and name not in graph.initializers]
        if computed:
            raise NotImplementedError(f"{kind} is known only with constants, not with {computed[0]!r}")
        held = [graph.initializers[name].to_torch() if name else None for name in constants]
        module = _ADDED[kind](node.attributes, *held)
        return OperationConverterResult(module, OnnxMapping(node.input_values[:1], node.output_values))

    for kind in _ADDED:
        for version in range(1, KNOWN + 1):  # that of the file, since ONNX knows no such type
            add_converter(operation_type=f"{OWN}{kind}", version=version)(convert)
