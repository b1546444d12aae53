"""From a network to the graph of its operations, each with the calls of modules that it is part of."""

from __future__ import annotations

import operator
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.fx.proxy import TraceError

from ...benchmark.errors import UsageError, reason_of
from .conditions import Conditions, Decided
from .gradients import recorded_functions
from .image_functions import image_functions, image_modules
from .kinds import answered_kinds
from .lengths import recorded_lengths
from .modes import MODE, has_mode, is_one_layer, noticed_modes

LEAVES = (
    *("torch.nn.", "torch.ao.nn.", "torchvision.ops.", "torchvision.transforms.", "onnx2torch."),
    "mia_bench.models._onnx_additions.",
)
"""Packages whose modules are single operations, unless they are sequences."""
TENSORS = frozenset({"T", "mT", "H", "mH", "data", "real", "imag"})
"""Attributes of a tensor that are tensors."""
WAY_OUT = "Rewrite the line without it, or write a model plug-in whose build returns an nn.Sequential of the layers."
TORCH = str(Path(torch.__file__).parent)
"""The folder of torch, whose lines are not those of a network."""


@dataclass(frozen=True, eq=False)
class Call:
    """One call of a module; a module that is called twice has two."""

    path: str
    """Qualified path of the module, empty for the whole network."""
    module: nn.Module


@dataclass(frozen=True)
class Trace:
    """The operations of a network.

    Attributes:
        root: Holds the network and the constants that were met on the way; targets of nodes are relative to it.
        graph: The operations, in order.
        calls: For each node the calls it is part of, the outermost first. A module that is one operation is included.
    """

    root: nn.Module
    graph: fx.Graph
    calls: dict[fx.Node, tuple[Call, ...]]


class Root(nn.Module):
    """Calls a network with images alone, so that all its other arguments have their defaults."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Any:
        """Compute what the network does."""
        return self.network(images)


def refuse_torchscript(network: nn.Module) -> None:
    """Raise a ``UsageError`` for a network of TorchScript, which can be neither traced nor copied."""
    if isinstance(network, torch.jit.ScriptModule):
        raise UsageError(
            "Expected a network that can be traced, got one of TorchScript, whose operations are hidden. Give the "
            "module that it was made from, or export it to ONNX."
        )


def trace(network: nn.Module, image_shape: tuple[int, int, int]) -> Trace:
    """Trace a network in evaluation mode.

    Conditions and numbers that follow from the sizes of the images are decided for images of ``image_shape``. A module
    inside the network whose code cannot be traced is kept whole, as one operation. So is a layer whose code asks
    whether it is trained, such as a batch normalization of one's own class: only its behavior in evaluation would be
    traced.

    Raises:
        UsageError: If the network itself cannot be traced; the message names the line.
    """
    refuse_torchscript(network)
    whole: set[str] = set()
    while True:
        root = Root(network)
        tracer = _Tracer(frozenset(whole), root, image_shape)
        try:
            with (
                torch.no_grad(),
                recorded_lengths(),
                recorded_functions(),
                answered_kinds(),
                _attributes_kept(network),
                noticed_modes(tracer.notice_mode),
            ):
                graph = tracer.trace(root)
            if tracer.error is not None:  # the network's code has caught it, and has taken another path
                raise tracer.error
        except Exception as error:
            failed = tracer.failed
            if not failed or failed in whole:
                raise UsageError(
                    f"Expected a network that can be traced, got {type(network).__name__}, which cannot: "
                    f"{_place_of(error)}: {reason_of(error)}. {WAY_OUT}"
                ) from error
            whole.add(failed)
            continue
        if not tracer.layers_with_modes:
            return Trace(root, graph, tracer.calls)
        whole |= tracer.layers_with_modes


@contextmanager
def _attributes_kept(network: nn.Module) -> Iterator[None]:
    """Undo at the end what a network assigns to its attributes while it is traced: placeholders in place of tensors."""
    traced = [part for part in network.modules() if not isinstance(part, torch.jit.ScriptModule)]
    parts = [(part.__dict__, dict(part.__dict__), dict(part._buffers)) for part in traced]
    try:
        yield
    finally:
        for attributes, before, buffers in parts:
            attributes.clear()
            attributes.update(before)
            attributes["_buffers"].clear()
            attributes["_buffers"].update(buffers)


def _place_of(error: Exception) -> str:
    """Return the file, the number and the text of the last line outside torch that led to an error."""
    lines = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if not frame.filename.startswith(TORCH) and frame.filename != __file__
    ]
    if not lines:
        return "in torch"
    return f"{Path(lines[-1].filename).name}, line {lines[-1].lineno}, `{lines[-1].line}`"


class _Tracer(fx.Tracer):
    """Records the calls of modules that lead to each node."""

    def __init__(self, whole: frozenset[str], root: nn.Module, image_shape: tuple[int, int, int]) -> None:
        super().__init__(autowrap_functions=image_functions())
        self._autowrap_search += image_modules()
        self._root, self._image_shape = root, image_shape
        self._conditions: Conditions | None = None
        self.calls: dict[fx.Node, tuple[Call, ...]] = {}
        self.failed = ""
        self.error: Exception | None = None
        self.layers_with_modes: set[str] = set()
        self._with_modes: set[Call] = set()
        self._stack: list[Call] = []
        self._whole = whole

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        """Decide whether a module is one operation."""
        path = without_root(module_qualified_name)
        known = f"{type(m).__module__}.".startswith(LEAVES)
        hidden = path in self._whole or isinstance(m, torch.jit.ScriptModule)
        return hidden or (known and not isinstance(m, nn.Sequential) and bool(path))

    def call_module(self, m: nn.Module, forward: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        """Trace a call, or record it as one operation."""
        call = Call(without_root(self.path_of_module(m)), m)
        self._stack.append(call)
        try:
            masked = any(value is not None and value is not False for value in kwargs.values())
            if isinstance(m, nn.TransformerEncoder) and len(args) == 1 and not masked:
                return _layer_by_layer(m, *args)
            return super().call_module(m, forward, args, kwargs)
        except Exception as error:
            self._note(error)
            raise
        finally:
            self._stack.pop()

    def _note(self, error: Exception) -> None:
        """Remember the first error, and the call that is traced."""
        if self.error is None:
            self.error, self.failed = error, self._stack[-1].path if self._stack else ""

    def notice_mode(self, module: nn.Module) -> None:
        """Remember the call that is traced, if its code asks whether its module is trained."""
        call = self._stack[-1] if self._stack else None
        if call is None or call.module is not module:
            return
        if call.path and is_one_layer(module):
            self.layers_with_modes.add(call.path)
        elif type(module).train is nn.Module.train:  # else it may stay in evaluation mode
            self._with_modes.add(call)

    def create_proxy(self, kind: str, target: Any, args: Any, kwargs: Any, *others: Any, **settings: Any) -> fx.Proxy:
        """Record an operation; one that is given the mode of its module is given the mode of its stage instead."""
        if self._stack and self._stack[-1] in self._with_modes and has_mode(kwargs):
            kwargs = {**kwargs, MODE: super().create_proxy("get_attr", MODE, (), {})}
        return super().create_proxy(kind, target, args, kwargs, *others, **settings)

    def to_bool(self, obj: fx.Proxy) -> bool:
        """Decide a condition of the network's code, if it follows from the sizes of the images."""
        decided = self._decided(obj.node, bool)
        if decided is not None:
            return decided
        try:
            return super().to_bool(obj)
        except TraceError as error:
            self._note(error)
            raise

    def to_number(self, node: fx.Node, kind: Callable[[Any], Decided]) -> Decided:
        """Return a number that the network's code asks for, such as that of the rows, which a loop goes through.

        Raises:
            TypeError: If it does not follow from the sizes of the images.
        """
        decided = self._decided(node, kind)
        if decided is None:
            raise TypeError(
                "The code asks for a number that depends on what is in the images, or on how many there are."
            )
        return decided

    def iter(self, obj: fx.Proxy) -> Iterator[Any]:
        """Yield the rows or parts that a loop of the network's code goes through, if it is known how many there are.

        Raises:
            TypeError: If their number does not follow from the sizes of the images.
        """
        return map(obj.__getitem__, range(self.to_length(obj.node)))  # type: ignore[attr-defined]

    def to_length(self, node: fx.Node) -> int:
        """Return how many rows or parts a value has that the network's code goes through.

        Raises:
            TypeError: If it does not follow from the sizes of the images.
        """
        length = self._conditions_so_far().length(node)
        if length is None:
            raise TypeError(
                "The code loops over something whose length depends on what is in the images, or on how many there are."
            )
        return length

    def is_a(self, node: fx.Node, kinds: Any) -> bool:
        """Return whether a value is of a type, or of one of several."""
        return self._conditions_so_far().decide(node, lambda value: isinstance(value, kinds)) is True

    def proxy(self, node: fx.Node) -> fx.Proxy:
        """Return what stands for a value in the network's code."""
        return Proxy(node, self)

    def _decided(self, node: fx.Node, kind: Callable[[Any], Decided]) -> Decided | None:
        return self._conditions_so_far().decide(node, kind)

    def _conditions_so_far(self) -> Conditions:
        self._conditions = self._conditions or Conditions(self._root, self.graph, self._image_shape)
        return self._conditions

    def create_node(self, *args: Any, **kwargs: Any) -> fx.Node:
        """Record an operation."""
        node = super().create_node(*args, **kwargs)
        self.calls[node] = tuple(self._stack)
        return node


class Proxy(fx.Proxy):
    """Stands for a value, and gives numbers that follow from the sizes of the images, as ``range`` asks for."""

    tracer: _Tracer

    def __getattr__(self, k: str) -> Any:
        """Record a tensor where it is read; fx records an attribute where it is used, which may be another layer."""
        if k in TENSORS:
            return self.tracer.create_proxy("call_function", getattr, (self, k), {})
        return super().__getattr__(k)

    def __setitem__(self, place: Any, value: Any) -> None:
        self.tracer.create_proxy("call_function", operator.setitem, (self, place, value), {})

    def __len__(self) -> int:
        return self.tracer.to_length(self.node)

    def __index__(self) -> int:
        return self.tracer.to_number(self.node, operator.index)

    def __int__(self) -> int:
        return self.tracer.to_number(self.node, int)

    def __float__(self) -> float:
        return self.tracer.to_number(self.node, float)


def _layer_by_layer(encoder: nn.TransformerEncoder, tokens: Any) -> Any:
    """Do what an encoder does to tokens without a mask."""
    for layer in encoder.layers:
        tokens = layer(tokens)
    return tokens if encoder.norm is None else encoder.norm(tokens)


def without_root(path: str) -> str:
    """Return a path relative to the network instead of to its ``Root``."""
    return path.removeprefix("network").removeprefix(".")
