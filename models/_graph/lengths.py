"""The function ``len`` of a tensor, recorded while a network is traced."""

from __future__ import annotations

import builtins
from collections.abc import Iterator, Sized
from contextlib import contextmanager
from typing import Any

from torch import fx


@contextmanager
def recorded_lengths() -> Iterator[None]:
    """Have ``len(images)`` recorded as an operation, which torch.fx refuses otherwise."""
    plain = builtins.len

    def length(value: Sized) -> Any:
        if isinstance(value, fx.Proxy):
            return value.tracer.create_proxy("call_function", plain, (value,), {})
        return plain(value)

    builtins.len = length
    try:
        yield
    finally:
        builtins.len = plain
