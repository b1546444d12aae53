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
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from ..errors import UsageError
from ..utils.plurals import count_of

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


class DrawnShapes(TorchDispatchMode):
    """Note the shape of each tensor of random numbers that torch draws, in order.

    Example:
        >>> with DrawnShapes() as drawn:
        ...     noisy = torch.zeros(2, 3) + torch.randn(2, 3)
        >>> drawn.shapes
        [(2, 3)]
    """

    def __init__(self) -> None:
        """Begin without any shape."""
        super().__init__()
        self.shapes: list[tuple[int, ...]] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run one operation, and note the shape if it draws."""
        if torch.Tag.nondeterministic_seeded not in func.tags:
            return func(*args, **(kwargs or {}))
        before = torch.get_rng_state()
        answer = func(*args, **(kwargs or {}))
        if isinstance(answer, Tensor) and not torch.equal(before, torch.get_rng_state()):  # dropout may draw nothing
            self.shapes.append(tuple(answer.shape))
        return answer


@torch.no_grad()
def drawn_shapes(half: nn.Module, images: Tensor) -> list[tuple[int | str, ...]]:
    """Return the shape of each draw of a half, as ``RandomInput.shape`` has it.

    Args:
        half: What draws.
        images: Images (N, C, H, W), at least 2. The draws for all of them and for all but one are compared.

    Raises:
        UsageError: If a size follows from the number of images but is not this number, in front of all others.
    """
    counts, found = (len(images), len(images) - 1), []
    for count in counts:
        with DrawnShapes() as drawn:
            half(images[:count].clone())
        found.append(drawn.shapes)
    if len(found[0]) != len(found[1]):
        raise UsageError(
            f"Expected as many draws of random numbers for any number of images, got {len(found[0])} for {counts[0]} "
            f"and {len(found[1])} for {counts[1]}. Draw once for all images."
        )
    shapes = []
    for more, fewer in zip(*found, strict=True):
        free = (more[:1], fewer[:1]) == (counts[:1], counts[1:])
        if len(more) != len(fewer) or more[free:] != fewer[free:]:
            raise UsageError(
                "Expected random numbers whose first size is the number of images and whose other sizes are fixed, got "
                f"{more} for {counts[0]} images and {fewer} for {counts[1]}. Let the channel draw with "
                "torch.randn_like or torch.rand_like of what it sends."
            )
        shapes.append((BATCH, *more[1:]) if free else more)
    return shapes


def expose(model: Any, shapes: Sequence[tuple[int | str, ...]]) -> list[RandomInput]:
    """Turn each operator of an ONNX model that draws random numbers into an input, in the order of the graph.

    Args:
        model: The ``onnx.ModelProto``, which is changed.
        shapes: The shape of each draw of torch, in order, as ``drawn_shapes`` gives them. Those that ONNX infers or
            exporters note may be wrong or lack sizes, as behind an LSTM.

    Raises:
        UsageError: If random numbers are drawn from another distribution than a normal or a uniform one, or torch
            draws more or less often.
    """
    graph = model.graph
    others = sorted({node.op_type for node in graph.node if node.op_type in OTHER_RANDOM_OPERATORS})
    if others:
        raise UsageError(
            f"Expected random numbers from a normal or a uniform distribution, got {', '.join(others)}. Let the "
            "channel draw with torch.randn_like or torch.rand_like."
        )
    drawing = [node for node in graph.node if node.op_type in DRAWN]
    if len(drawing) != len(shapes):
        raise UsageError(
            f"Expected a graph that draws random numbers as often as torch, {count_of(len(shapes), 'time')}, got "
            f"{len(drawing)}. Export another defense."
        )
    types = _types(model) if drawing else {}
    return [
        _as_input(graph, node, types, shape, position)
        for position, (node, shape) in enumerate(zip(drawing, shapes, strict=True))
    ]


def _types(model: Any) -> dict[str, int]:
    """Return the type of the numbers of each value, by name, as ONNX infers it."""
    import onnx

    inferred = onnx.shape_inference.infer_shapes(model).graph
    return {value.name: value.type.tensor_type.elem_type for value in (*inferred.value_info, *inferred.output)}


def _as_input(
    graph: Any, node: Any, types: Mapping[str, int], shape: tuple[int | str, ...], position: int
) -> RandomInput:
    """Replace an operator by an input, and describe it."""
    from onnx import helper

    name, (drawn,) = f"noise_{position}" if position else "noise", node.output
    distribution, *parameters = DRAWN[node.op_type]
    given = {"mean": 0.0, "scale": 1.0, "low": 0.0, "high": 1.0} | {each.name: each.f for each in node.attribute}
    first, second = (given[parameter] for parameter in parameters)
    graph.input.append(helper.make_tensor_value_info(name, types[drawn], shape))
    graph.node.remove(node)
    for user in graph.node:
        for place, used in enumerate(user.input):
            if used == drawn:
                user.input[place] = name
    return RandomInput(name, distribution, (first, second), shape)


class GivenNumbers(TorchDispatchMode):
    """Let torch take given numbers, in order, instead of drawing random ones. Their shapes must be those of the draws.

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
        numbers, wanted = self._left.pop(0), func(*args, **(kwargs or {})).shape
        if numbers.shape != wanted:
            raise UsageError(
                f"Expected random numbers of the shape {tuple(wanted)}, got {tuple(numbers.shape)}. Draw one number "
                "for each that torch draws."
            )
        return _TAKES[name](numbers, args, kwargs or {})


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
