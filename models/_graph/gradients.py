"""Functions with a gradient of their own, such as straight-through rounding, each recorded as one operation."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import fx
from torch.autograd import Function


@contextmanager
def recorded_functions() -> Iterator[None]:
    """Have each ``Function.apply`` outside torch recorded, while a network is traced; else its ``backward`` is lost."""
    plain = vars(Function)["apply"]

    def apply(kind: type[Function], *inputs: Any) -> Any:
        proxy = next((each for each in inputs if isinstance(each, fx.Proxy)), None)

        def applied(*inputs: Any) -> Any:
            return plain.__get__(None, kind)(*inputs)

        if proxy is None or f"{kind.__module__}.".startswith("torch."):
            return applied(*inputs)
        applied.__name__ = kind.__name__
        return proxy.tracer.create_proxy("call_function", applied, inputs, {})

    Function.apply = classmethod(apply)
    try:
        yield
    finally:
        Function.apply = plain
