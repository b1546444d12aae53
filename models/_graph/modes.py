"""Code that asks whether its module is trained, as batch normalization and dropout do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from torch import fx, nn

MODE = "training"
"""The attribute of a module, and the argument of functions such as ``functional.dropout``."""


@contextmanager
def noticed_modes(notice: Callable[[nn.Module], None]) -> Iterator[None]:
    """Call a function with each module whose mode is read, while a network is traced."""

    def read(module: nn.Module) -> bool:
        notice(module)
        if MODE not in module.__dict__:  # a module of TorchScript keeps it elsewhere
            raise AttributeError(MODE)
        return module.__dict__[MODE]

    def write(module: nn.Module, value: bool) -> None:
        module.__dict__[MODE] = value

    setattr(nn.Module, MODE, property(read, write))
    try:
        yield
    finally:
        delattr(nn.Module, MODE)


def is_one_layer(module: nn.Module) -> bool:
    """Return whether a module holds no other one with weights."""
    return not any(True for child in module.children() for _ in child.parameters())


def gives_mode(node: fx.Node) -> bool:
    """Return whether an operation gives the mode of the stage that it is in."""
    return node.op == "get_attr" and node.target == MODE


def has_mode(settings: dict[str, Any]) -> bool:
    """Return whether these arguments of a function say that its module is not trained."""
    return settings.get(MODE) is False
