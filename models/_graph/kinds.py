"""Questions for the type of a value, answered while a network is traced as they are for the value itself."""

from __future__ import annotations

import builtins
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import fx


@contextmanager
def answered_kinds() -> Iterator[None]:
    """Have ``isinstance(images, torch.Tensor)`` answered for the tensor, and not for what stands for it in the trace.

    Modules inside torch, among them fx itself, see what stands for it.
    """
    plain = builtins.isinstance

    def answered(value: Any, kinds: Any) -> bool:
        if plain(value, kinds) or not plain(value, fx.Proxy):
            return plain(value, kinds)
        asking = sys._getframe(1).f_globals.get("__name__", "")
        return not asking.startswith("torch.") and value.tracer.is_a(value.node, kinds)  # type: ignore[attr-defined]

    builtins.isinstance = answered
    try:
        yield
    finally:
        builtins.isinstance = plain
