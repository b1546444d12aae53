"""What the value of each operation is: a tensor, something that holds tensors, or a plain value such as a size."""

from __future__ import annotations

import copy
import operator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode
from torch.utils import _pytree as pytree

from ...benchmark.errors import UsageError, message_of
from .conditions import BATCHES
from .sizes import gives_size_tensor
from .tracing import Trace

MOST_NUMBERS = 256
"""The numbers of larger tensors are not remembered."""
BLIND_TO_DEVICES = ("torch.nn.", "torchvision.ops.")
"""Packages whose modules give tensors of the same shapes on every device."""
ANY_NUMBER = "Build or export it for any number of images: with torch.onnx.export, give dynamic_shapes."
"""What to do about a network for one number of images."""


@dataclass(frozen=True)
class Fact:
    """The value of an operation for one batch.

    Attributes:
        shape: Of a tensor, with the batch first; None if it is not a single tensor of floating-point numbers.
        holds_tensors: Whether it is a tensor or holds some.
        value: What it is, if it holds no tensor; its numbers in lists, if it is a small tensor and these are known.
        dtype: Of the numbers in a tensor.
    """

    shape: tuple[int, ...] | None
    holds_tensors: bool
    value: Any = None
    dtype: torch.dtype | None = None


Facts = dict[fx.Node, tuple[Fact, ...]]
"""For each node the facts for each of ``BATCHES``."""


def record(trace: Trace, image_shape: tuple[int, int, int]) -> Facts:
    """Run a graph once for each of ``BATCHES``.

    The tensors hold no numbers, which takes no time, unless an operation asks for one or gives sizes as a tensor.
    """
    runs = None
    if not any(gives_size_tensor(node, trace.root) for node in trace.graph.nodes):
        runs = _runs_on_meta(trace, image_shape) or _runs_without_numbers(trace, image_shape)
    runs = runs or [_run_on_numbers(trace, size, image_shape) for size in BATCHES]
    return {node: tuple(facts[node] for facts in runs) for node in runs[0]}


def _runs_on_meta(trace: Trace, image_shape: tuple[int, int, int]) -> list[dict[fx.Node, Fact]] | None:
    """Run a graph on the device meta, in a fraction of the time, if none of its operations sees the device."""
    if any(_may_see_devices(node, trace.root) for node in trace.graph.nodes):
        return None
    try:
        root = on_meta(trace.root)
        runs = [_run(root, trace.graph, torch.empty(size, *image_shape, device="meta")) for size in BATCHES]
    except Exception:  # an operation asks for a number, or makes tensors on the CPU
        return None
    constants = {node: _fact(_held(trace.root, node)) for node in trace.graph.nodes if node.op == "get_attr"}
    plain = [fact.value for facts in runs for fact in facts.values() if not fact.holds_tensors]
    if not all(isinstance(leaf, int | float | torch.dtype | None) for leaf in pytree.tree_leaves(plain)):
        return None
    return [facts | constants for facts in runs]


def on_meta(root: nn.Module) -> nn.Module:
    """Return a copy of a module whose weights have sizes but no numbers."""
    held = [*root.parameters(), *root.buffers()]
    return copy.deepcopy(root, {id(tensor): tensor.detach().to("meta") for tensor in held})


def _may_see_devices(node: fx.Node, root: nn.Module) -> bool:
    if node.op == "call_module":
        return not type(root.get_submodule(str(node.target))).__module__.startswith(BLIND_TO_DEVICES)
    return node.target is getattr and node.args[1] not in ("shape", "dtype", "ndim", "T", "mT")


def _held(root: nn.Module, node: fx.Node) -> Any:
    return operator.attrgetter(str(node.target))(root)


def _runs_without_numbers(trace: Trace, image_shape: tuple[int, int, int]) -> list[dict[fx.Node, Fact]] | None:
    try:
        with FakeTensorMode(allow_non_fake_inputs=True):
            return [_run(trace.root, trace.graph, torch.empty(size, *image_shape)) for size in BATCHES]
    except Exception:  # an operation asks for a number
        return None


def _run_on_numbers(trace: Trace, size: int, image_shape: tuple[int, int, int]) -> dict[fx.Node, Fact]:
    try:
        return _run(trace.root, trace.graph, torch.rand(size, *image_shape))
    except Exception as error:
        reason = message_of(error).partition(" While executing")[0]
        raise UsageError(
            f"Expected a network that takes any number of images, got one that does not take {size}: {reason}. "
            f"{ANY_NUMBER}"
        ) from error


def _run(root: nn.Module, graph: fx.Graph, images: Tensor) -> dict[fx.Node, Fact]:
    recorder = _Recorder(root, graph=graph)
    recorder.facts = {}
    with torch.no_grad():
        recorder.run(images)
    return recorder.facts


class _Recorder(fx.Interpreter):
    facts: dict[fx.Node, Fact]

    def run_node(self, n: fx.Node) -> Any:
        """Run one operation and remember what it gives."""
        value = super().run_node(n)
        self.facts[n] = _fact(value)
        return value


def _fact(value: Any) -> Fact:
    holds = any(isinstance(leaf, Tensor) for leaf in pytree.tree_leaves(value))
    single = isinstance(value, Tensor) and value.is_floating_point()
    shape = tuple(value.shape) if single else None
    known = isinstance(value, Tensor) and not isinstance(value, FakeTensor) and not value.is_meta
    if known and not value.is_quantized and value.numel() <= MOST_NUMBERS:
        return Fact(shape, holds, value.tolist(), value.dtype)
    return Fact(shape, holds, None if holds else value, getattr(value, "dtype", None))
