"""A network as a sequence of stages that computes exactly what the network does."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from typing import Any, TypeGuard

import torch
from torch import Tensor, fx, nn

from ...benchmark.errors import UsageError, reason_of
from ...benchmark.interfaces.stages import Place, Stages
from .conditions import BATCHES
from .in_place import remove_writes
from .liveness import Spot, carried, remove_dead, spots
from .names import Names
from .precision import refuse_casts
from .recording import ANY_NUMBER, Fact, record
from .stages import StageBuilder
from .tracing import Trace, trace
from .wrappers import unwrapped

IMAGES = 2
"""Images in [0, 1] on which the stages are compared with the network together."""
USUAL = 0.5, 0.25
"""The mean and the standard deviation of images where none are given."""
WIDTHS = 3, 30
"""Standard deviations of images far from [0, 1], which show what a network does to large and to negative numbers."""
OTHER_IMAGES = (
    "Choose another size or other channels for the images, or wrap the network in a module that takes float32 images "
    "(N, C, H, W) alone."
)
"""What to do about a network that does not take the images."""


@torch.no_grad()
def linearize(
    network: nn.Module, image_shape: tuple[int, int, int], normalization: tuple[Tensor, Tensor] | None = None
) -> Stages:
    """Divide a network into stages at every place where a single tensor crosses.

    A stage that is a single module of the network is that module; others are graphs of operations. A module that the
    network calls several times is in several stages, which share its weights. The result shares the weights of the
    network, and gives the same numbers in evaluation mode, for any number of images.

    Args:
        network: Takes images (N, C, H, W), and gives one tensor (N, ...), such as logits (N, classes). It is changed:
            its operations no longer write into their inputs.
        image_shape: (C, H, W); sizes that follow from it are fixed.
        normalization: The mean and the standard deviation, each (C,), by which images in [0, 1] are normalized before
            the network is given them. The stages are compared with the network on such images, too.

    Raises:
        UsageError: If the network does not take such images, cannot be traced, or returns something else than one
            tensor.
    """
    network = unwrapped(network).eval()
    random = torch.Generator().manual_seed(0)
    images = torch.rand(IMAGES, *image_shape, generator=random)
    expected = _answer(network, images)
    alone = [
        (image, _tried(network, image)) for image in (images[:1], *_other_images(images[:1], normalization, random))
    ]
    traced = trace(network, image_shape)
    remove_writes(traced, image_shape)
    remove_dead(traced)
    facts = record(traced, image_shape)
    carrying = carried(traced, facts)
    found = list(spots(traced, facts, carrying))
    if not found or not found[-1].is_cut:
        _refuse_other_counts(facts[found[-1].node] if found else (), type(network).__name__)
        raise UsageError(
            f"Expected outputs that are computed from the images, got others from {type(network).__name__}. Give a "
            "network whose last operation gives a tensor (N, ...) of numbers that follow from the images."
        )
    names = Names(traced, [spot.node for spot in found])
    builder = StageBuilder(traced, facts, carrying)
    stages = _stages(builder, traced, found, names)
    result = Stages(stages, [_place(spot, names) for spot in found]).eval()
    if not torch.equal(result(images.clone()), expected):
        _refuse_other_numbers(network, images)
    for image, answer in alone:
        if _is_comparable(answer) and not _equal(_tried(result, image), answer):
            _refuse_other_numbers(network, image)
    return result


def _other_images(
    image: Tensor, normalization: tuple[Tensor, Tensor] | None, random: torch.Generator
) -> Iterator[Tensor]:
    """Yield images like those that a network is given in use, and such as differ from them, each (1, C, H, W)."""
    mean, std = normalization or [torch.tensor([number]) for number in USUAL]
    yield (image - mean.view(-1, 1, 1)) / std.view(-1, 1, 1)
    for width in WIDTHS:
        yield width * torch.randn(image.shape, generator=random)


def _is_comparable(answer: Any) -> TypeGuard[Tensor]:
    return isinstance(answer, Tensor) and bool(answer.isfinite().all())


def _equal(answer: Any, expected: Tensor) -> bool:
    return isinstance(answer, Tensor) and torch.equal(answer, expected)


def _refuse_other_counts(facts: Sequence[Fact], kind: str) -> None:
    for fact, count in zip(facts, BATCHES, strict=False):
        if fact.shape and fact.shape[0] != count:
            raise UsageError(
                f"Expected an entry for each image, got outputs {fact.shape} for {count} images from {kind}. "
                f"{ANY_NUMBER}"
            )


def _refuse_other_numbers(network: nn.Module, images: Tensor) -> None:
    kind = type(network).__name__
    if not torch.equal(_answer(network, images), _answer(network, images)):
        raise UsageError(
            f"Expected the same outputs for the same images, got others from {kind}, which draws random numbers in "
            "evaluation mode. Draw them only if self.training, or export a program after .eval()."
        )
    raise UsageError(
        f"Expected stages that compute what {kind} does, got other numbers. Leave out what writes into a tensor that "
        "is read later, such as relu_, what asks for the type of a tensor, such as type(x), and torch.autocast; or "
        "write a model plug-in whose build returns an nn.Sequential of the layers."
    )


def _refuse_other_inputs(network: nn.Module) -> None:
    """Raise if inputs without defaults follow the first one."""
    try:
        inputs = list(inspect.signature(network.forward).parameters.values())
    except (TypeError, ValueError):  # a function in C
        return
    variable = inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD
    others = [each.name for each in inputs[1:] if each.kind not in variable and each.default is each.empty]
    if others:
        raise UsageError(
            f"Expected a network that takes images alone, got {type(network).__name__}, which also takes "
            f"{' and '.join(others)}. Wrap it in a module that takes the images (N, C, H, W) and gives the other "
            "inputs values."
        )


def _answer(network: nn.Module, images: Tensor) -> Tensor:
    """Return what a network gives for images (N, C, H, W).

    Raises:
        UsageError: If it is not one tensor (N, ...) of at least two dimensions.
    """
    kind, shape = type(network).__name__, "x".join(map(str, images.shape[1:]))
    _refuse_other_inputs(network)
    try:
        answer: Any = network(images.clone())
    except Exception as error:
        if len(images) > 1 and _tried(network, images[:1]) is not None:
            raise UsageError(
                f"Expected a network that takes any number of images, got {kind}, which takes 1 but not {len(images)}: "
                f"{reason_of(error)}. {ANY_NUMBER}"
            ) from error
        refuse_casts(network, images, error)
        raise UsageError(
            f"Expected a network that takes {len(images)} images of {shape}, got {kind}, which does not: "
            f"{reason_of(error)}. {OTHER_IMAGES}"
        ) from error
    if not isinstance(answer, Tensor):
        held = f"dict with {', '.join(map(str, answer))}" if isinstance(answer, dict) else type(answer).__name__
        raise UsageError(
            f"Expected one tensor, got a {held} from {kind}. Wrap it in a module that returns one tensor (N, ...) "
            "alone, such as the logits, or the scores from which a detector chooses boxes, and name a function that "
            "builds it with python:build=module:function."
        )
    if answer.shape == (len(images),):
        raise UsageError(
            f"Expected outputs ({len(images)}, ...) of at least two dimensions, got {tuple(answer.shape)} from {kind}. "
            "Return (N, 1): leave out the squeeze or index at the end."
        )
    if answer.dim() < 2 or len(answer) != len(images):
        raise UsageError(
            f"Expected outputs ({len(images)}, ...) for {len(images)} images, got {tuple(answer.shape)} from {kind}. "
            "Give a network that takes any number of images and gives an entry for each."
        )
    if not answer.is_floating_point():
        raise UsageError(
            f"Expected outputs that are floating-point numbers, such as logits, got {answer.dtype} from {kind}. Return "
            "what the numbers are computed from."
        )
    if not answer.isfinite().all():
        raise UsageError(f"Expected finite outputs, got NaN or infinity from {kind}. Check its weights.")
    return answer


def _tried(network: nn.Module, images: Tensor) -> Tensor | None:
    """Return what a network gives for images (N, C, H, W), or None if it does not take so many."""
    try:
        return network(images.clone())
    except Exception:
        return None


def _stages(builder: StageBuilder, traced: Trace, found: Sequence[Spot], names: Names) -> dict[str, nn.Module]:
    before, nodes, stages = next(iter(traced.graph.nodes)), list[fx.Node](), dict[str, nn.Module]()
    for spot in found:
        nodes.append(spot.node)
        if spot.is_cut:
            stages[names.behind(spot.node)[0]] = builder.build(before, nodes, _class_name(traced, nodes))
            before, nodes = spot.node, []
    return stages


def _class_name(traced: Trace, nodes: Sequence[fx.Node]) -> str:
    """Return the class of the innermost module that contains all operations."""
    shared = [call for call in traced.calls[nodes[0]] if all(call in traced.calls[node] for node in nodes)]
    return type(shared[-1].module).__name__ if shared and shared[-1].path else "Stage"


def _place(spot: Spot, names: Names) -> Place:
    crossing = tuple(names.behind(node)[0] for node in spot.live)
    if spot.is_cut:
        return Place(names.behind(spot.node), crossing)
    return Place(names.behind(spot.node), crossing, _reason(crossing))


def _reason(crossing: Sequence[str]) -> str:
    if len(crossing) == 1:
        return f"the value of {crossing[0]} crosses there, which is not one tensor with an entry for each image"
    return f"{len(crossing)} values cross there, those of {', '.join(crossing[:-1])} and {crossing[-1]}"
