"""Networks in ONNX files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import torch
from pydantic import BeforeValidator, Field, PlainSerializer
from torch import Tensor, nn

from ..benchmark.errors import UsageError, reason_of
from ..benchmark.interfaces import Component
from ..benchmark.utils.file_content import digest_of
from ._content import Content, Schema, read_by
from ._network import Network
from ._onnx_conversion import converted, packages
from ._onnx_operators import input_of, lower
from ._onnx_runtime import require_same_numbers

MAX_CHANNELS = 4
"""The largest last size of images (N, H, W, C) for which it is taken for the channels."""
WHOLE_NUMBERS = frozenset({2, 3, 4, 5, 6, 7, 12, 13})
"""The signed and unsigned types of 8 to 64 bits, as ``onnx.TensorProto.DataType`` numbers them."""


def _hashed(path: Path) -> str:
    """Hash a file and the files that its weights lie in."""
    return digest_of(path, *_external(path))


OnnxFile = Annotated[Content, BeforeValidator(read_by(_hashed)), PlainSerializer(str), Schema]


class _InFile(Component):
    path: OnnxFile | None = Field(None, description="the .onnx file")


class Onnx(Network, _InFile):
    """A trained network in an ONNX file, which holds no code, cut wherever one tensor crosses.

    Its weights are used as they are. Images in [0, 1] are given to it, unless ``mean`` and ``std`` say otherwise.

    Example:
        mia-bench show onnx:path=net.onnx --image 3x64x64

    Source: onnx2torch, https://github.com/ENOT-AutoDL/onnx2torch, which turns its operators into modules of torch.
    """

    @property
    def given_weights(self) -> str | None:
        """The hash of the file's content."""
        return None if self.path is None else self.path.digest

    def network(self, image_shape: tuple[int, int, int], classes: int) -> nn.Module:
        """Read the network."""
        if self.path is None:
            raise UsageError("Expected the path of a network, got none. Write onnx:path=FILE.onnx.")
        path = self.path.file(_hashed)
        model = _load(path)
        _require_one(model, path)
        if self.mean is None:
            _require_floats(model, path)
        declared = _take_images(model, image_shape)
        network, example = converted(lower(model), path).eval().float(), self._example(image_shape)
        other = any(size not in (0, given) for size, given in zip(declared, image_shape, strict=True))
        if other and not _takes(network, example):
            shapes = ["x".join(str(size or "?") for size in shape) for shape in (declared, image_shape)]
            raise UsageError(f"Expected images of {shapes[0]}, as {path} declares, got {shapes[1]}. Choose that size.")
        require_same_numbers(network, model, example, path)
        return network

    def _example(self, image_shape: tuple[int, int, int]) -> Tensor:
        """Return a random image (1, C, H, W) as the network is given it."""
        image = torch.rand(1, *image_shape, generator=torch.Generator().manual_seed(0))
        mean, std = self.normalization(image_shape[0]) or (torch.zeros(1), torch.ones(1))
        return (image - mean.view(-1, 1, 1)) / std.view(-1, 1, 1)


def _load(path: Path, *, weights: bool = True) -> Any:
    onnx, _ = packages()
    try:
        model = onnx.load(str(path), load_external_data=weights)
    except Exception as error:  # of protobuf, of the system or of onnx
        raise UsageError(
            f"Expected an ONNX file, got {path}, which cannot be read: {reason_of(error)}. Export it again."
        ) from error
    if not model.graph.node:
        raise UsageError(f"Expected an ONNX file with a network, got {path}, which has no operators. Export it again.")
    _require_order(model.graph, path)
    return model


def _require_order(graph: Any, path: Path) -> None:
    """Raise unless each operator takes only what is given, constant, or the result of an operator before it."""
    known = {"", *(each.name for each in graph.input), *(each.name for each in graph.initializer)}
    known |= {each.values.name for each in graph.sparse_initializer}
    for node in graph.node:
        unknown = [name for name in node.input if name not in known]
        if unknown:
            raise UsageError(
                f"Expected operators that take what is computed before them, got {node.name or node.op_type!r} in "
                f"{path}, which takes {unknown[0]!r}. Export it again."
            )
        known.update(node.output)


def _external(path: Path) -> list[Path]:
    """List the files beside an ONNX file that its weights lie in."""
    packages()
    places = {
        entry.value
        for tensor in _tensors(_load(path, weights=False).graph)
        for entry in tensor.external_data
        if entry.key == "location"
    }
    folder = path.parent.resolve()
    for place in places:
        if not (folder / place).resolve().is_relative_to(folder):
            raise UsageError(f"Expected the weights of {path} beside it, got {place}. Save it in a single file.")
    return [folder / place for place in sorted(places)]


def _tensors(graph: Any) -> Iterator[Any]:
    """Yield the tensors of a graph: its initializers, the constants of its operators, and those of graphs in them."""
    yield from graph.initializer
    for attribute in (each for node in graph.node for each in node.attribute):
        yield from ([attribute.t] if attribute.HasField("t") else []) + list(attribute.tensors)
        for inner in ([attribute.g] if attribute.HasField("g") else []) + list(attribute.graphs):
            yield from _tensors(inner)


def _require_one(model: Any, path: Path) -> None:
    constants = {each.name for each in model.graph.initializer}
    for what, each in (("input", model.graph.input), ("output", model.graph.output)):
        names = [value.name for value in each if value.name not in constants]
        if len(names) != 1:
            raise UsageError(
                f"Expected a network with 1 {what}, got {len(names)} in {path}: {', '.join(names)}. Export a network "
                "that takes images and gives logits."
            )


def _require_floats(model: Any, path: Path) -> None:
    """Raise if a network takes whole numbers, for which images in [0, 1] would be dark."""
    onnx, _ = packages()
    given = input_of(model).type.tensor_type.elem_type
    if given in WHOLE_NUMBERS:
        kind = onnx.TensorProto.DataType.Name(given).lower()
        raise UsageError(
            f"Expected a network that takes images in [0, 1], got one that takes {kind} in {path}. If it takes "
            f"images in [0, 255], give mean=0,std={1 / 255}."
        )


def _take_images(model: Any, image_shape: tuple[int, int, int]) -> tuple[int, ...]:
    """Let a network take images (N, C, H, W) of the given shape, also one of TensorFlow, which takes (N, H, W, C).

    Returns:
        The shape (C, H, W) that the file declares, with 0 for the sizes that it leaves open.
    """
    onnx, _ = packages()
    given = input_of(model)
    if not given.type.tensor_type.HasField("shape"):
        given.CopyFrom(
            onnx.helper.make_tensor_value_info(given.name, given.type.tensor_type.elem_type, ["n", *image_shape])
        )
        return image_shape
    sizes = given.type.tensor_type.shape.dim
    if len(sizes) != 4:
        return image_shape
    if 0 < sizes[3].dim_value <= MAX_CHANNELS and not 0 < sizes[1].dim_value <= MAX_CHANNELS:
        turned = onnx.helper.make_node("Transpose", [given.name], ["channels_last"], "channels_last", perm=[0, 2, 3, 1])
        for node in model.graph.node:
            node.input[:] = ["channels_last" if name == given.name else name for name in node.input]
        model.graph.node.insert(0, turned)
        _, height, width, channels = [each.dim_value for each in sizes]
        for size, value in zip(sizes[1:], (channels, height, width), strict=True):
            size.dim_value = value
    declared = tuple(size.dim_value for size in sizes[1:])
    for size, value in zip(sizes[1:], image_shape, strict=True):
        size.dim_value = size.dim_value or value
    return declared


@torch.no_grad()
def _takes(network: nn.Module, image: Tensor) -> bool:
    """Return whether a network gives an entry for one image."""
    try:
        return len(network(image)) == 1
    except Exception:
        return False
