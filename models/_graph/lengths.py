"""Functions of sizes that torch.fx refuses to record, recorded while a network is traced."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Iterator, Sized
from contextlib import contextmanager
from typing import Any

import torch
from torch import fx

FILLING = ("zeros", "ones")
"""Functions of torch that take sizes one by one, as in ``torch.zeros(len(images), 8)``."""


@contextmanager
def recorded_lengths() -> Iterator[None]:
    """Have ``len(images)`` recorded as an operation, and tensors of zeros or ones of such a length, too."""
    plain = {name: getattr(torch, name) for name in FILLING}
    length = builtins.len
    builtins.len = _recorded(length)
    for name, function in plain.items():
        setattr(torch, name, _joining(function))
    try:
        yield
    finally:
        builtins.len = length
        for name, function in plain.items():
            setattr(torch, name, function)


def _recorded(length: Callable[[Sized], int]) -> Callable[[Any], Any]:
    def recorded(value: Any) -> Any:
        if isinstance(value, fx.Proxy):
            return value.tracer.create_proxy("call_function", length, (value,), {})
        return length(value)

    return recorded


def _joining(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a function its sizes as one tuple, if the code that is traced computes some of them."""

    def joining(*sizes: Any, **settings: Any) -> Any:
        apart = len(sizes) > 1 and any(isinstance(size, fx.Proxy) for size in sizes)
        return function(sizes, **settings) if apart else function(*sizes, **settings)

    return joining
