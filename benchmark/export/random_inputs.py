"""Random numbers of a graph, which become its inputs.

The generators of ONNX runtimes are neither secure nor seeded by the operating system, so noise that a graph draws by
itself would not be what a defense promises. A graph without the noise would promise more than it keeps, too. As a
required input, the noise can neither be forgotten nor come from a generator that nobody chose.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from ..errors import UsageError

DRAWN: dict[str, tuple[Literal["normal", "uniform"], str, str]] = {
    "RandomNormal": ("normal", "mean", "scale"),
    "RandomNormalLike": ("normal", "mean", "scale"),
    "RandomUniform": ("uniform", "low", "high"),
    "RandomUniformLike": ("uniform", "low", "high"),
}
"""The operators of ONNX that draw random numbers: distribution, and the names of its two parameters."""
BATCH = "batch"
"""What stands for the number of images in a shape."""
OTHER_RANDOM_OPERATORS = ("Bernoulli", "Multinomial")
"""Operators of ONNX that draw random numbers of other distributions."""


@dataclass(frozen=True)
class RandomInput:
    """Describe an input of a graph that takes random numbers.

    Attributes:
        name: The name of the input.
        distribution: What to draw from, independently for each number.
        parameters: The mean and the standard deviation, or the lowest and the highest value.
        shape: The sizes, of which the first is the number of images if it is a text.

    Example:
        >>> RandomInput("noise", "normal", (0.0, 1.0), ("batch", 8)).draw(images=2).shape
        torch.Size([2, 8])
    """

    name: str
    distribution: Literal["normal", "uniform"]
    parameters: tuple[float, float]
    shape: tuple[int | str, ...]

    def draw(self, images: int) -> Tensor:
        """Return random numbers for a number of images, from torch's generator: for a check, not for deployment."""
        sizes = [images if isinstance(size, str) else size for size in self.shape]
        first, second = self.parameters
        if self.distribution == "normal":
            return first + second * torch.randn(sizes)
        return first + (second - first) * torch.rand(sizes)


def expose(model: Any) -> list[RandomInput]:
    """Turn each operator of an ONNX model that draws random numbers into an input, in the order of the graph.

    Args:
        model: The ``onnx.ModelProto``, which is changed.

    Raises:
        UsageError: If random numbers are drawn from another distribution than a normal or a uniform one.
    """
    graph = model.graph
    others = sorted({node.op_type for node in graph.node if node.op_type in OTHER_RANDOM_OPERATORS})
    if others:
        raise UsageError(
            f"Expected random numbers from a normal or a uniform distribution, got {', '.join(others)}. Let the "
            "channel draw with torch.randn_like or torch.rand_like."
        )
    drawing = [node for node in graph.node if node.op_type in DRAWN]
    values = _values(model) if drawing else {}
    return [_as_input(graph, node, values, position) for position, node in enumerate(drawing)]


def _values(model: Any) -> dict[str, Any]:
    """Return what is known of each value, by name, as ONNX infers it. Some shapes that exporters note are wrong."""
    import onnx

    bare = onnx.ModelProto()
    bare.CopyFrom(model)
    del bare.graph.value_info[:]
    inferred = onnx.shape_inference.infer_shapes(bare, data_prop=True).graph
    return {value.name: value for value in (*inferred.value_info, *inferred.output)}


def _as_input(graph: Any, node: Any, values: Mapping[str, Any], position: int) -> RandomInput:
    """Replace an operator by an input, and describe it."""
    name, (drawn,) = f"noise_{position}" if position else "noise", node.output
    distribution, *parameters = DRAWN[node.op_type]
    given = {"mean": 0.0, "scale": 1.0, "low": 0.0, "high": 1.0} | {each.name: each.f for each in node.attribute}
    first, second = (given[parameter] for parameter in parameters)
    added = graph.input.add()
    added.CopyFrom(values[drawn])
    added.name = name
    sizes = added.type.tensor_type.shape.dim
    for size in sizes:
        if not size.HasField("dim_value"):
            size.dim_param = BATCH
    graph.node.remove(node)
    for user in graph.node:
        for place, used in enumerate(user.input):
            if used == drawn:
                user.input[place] = name
    return RandomInput(name, distribution, (first, second), tuple(size.dim_param or size.dim_value for size in sizes))


class GivenNumbers(TorchDispatchMode):
    """Let torch take given numbers, in order, instead of drawing random ones.

    Example:
        >>> with GivenNumbers([torch.tensor([0.25])]):
        ...     torch.rand(1)
        tensor([0.2500])
    """

    def __init__(self, numbers: Sequence[Tensor]) -> None:
        """Take the numbers of each draw."""
        super().__init__()
        self._left = list(numbers)

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run one operation, or take what it would have drawn."""
        name = func._schema.name.removeprefix("aten::")
        if name not in _TAKES or not self._left:
            return func(*args, **(kwargs or {}))
        return _TAKES[name](self._left.pop(0), args, kwargs or {})


def _whole(uniform: Tensor, args: Any, kwargs: Any) -> Tensor:
    """Return whole numbers for ``randint(high, sizes)`` or ``randint(low, high, sizes)``."""
    low, high = (0, args[0]) if len(args) < 3 else args[:2]
    return (low + uniform * (high - low)).floor().to(torch.int64)


_TAKES: dict[str, Any] = {
    "randn": lambda numbers, args, kwargs: numbers,
    "randn_like": lambda numbers, args, kwargs: numbers,
    "rand": lambda numbers, args, kwargs: numbers,
    "rand_like": lambda numbers, args, kwargs: numbers,
    "exponential_": lambda numbers, args, kwargs: args[0].copy_(-numbers.log() / (args[1] if len(args) > 1 else 1.0)),
    "randint": _whole,
}
"""How each operation of torch follows from the numbers that its translation to ONNX draws."""
