"""Networks that change the precision of numbers by themselves, though their weights are in single precision."""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from ...benchmark.errors import UsageError, reason_of
from .tracing import TORCH

OTHERS = frozenset({torch.float64, torch.float16, torch.bfloat16})


def refuse_casts(network: nn.Module, images: Tensor, error: Exception) -> None:
    """Raise if a network that fails would not fail if it kept numbers in single precision.

    Args:
        network: The network, with weights in single precision.
        images: Images (N, C, H, W).
        error: How it fails.
    """
    with _SinglePrecision() as single:
        try:
            network(images.clone())
        except Exception:
            return
    if single.places:
        raise UsageError(
            f"Expected a network that computes in single precision, as all networks run, got {type(network).__name__}, "
            f"whose own casts do not fit its float32 weights: {reason_of(error)}. Remove "
            f"{' and '.join(single.places)}."
        ) from error


class _SinglePrecision(TorchDispatchMode):
    """Keep all numbers in single precision, and note which lines ask for another one."""

    def __init__(self) -> None:
        super().__init__()
        self.places: list[str] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run one operation."""
        given = dict(kwargs or {})
        if given.get("dtype") in OTHERS:
            place = f"the cast to {str(given['dtype']).removeprefix('torch.')}{_line()}"
            self.places += [] if place in self.places else [place]
            given["dtype"] = torch.float32
        return func(*args, **given)


def _line() -> str:
    """Return the file, the number and the text of the line outside torch that is running."""
    lines = [each for each in traceback.extract_stack() if not each.filename.startswith(TORCH)]
    frame = next((each for each in reversed(lines) if each.filename != __file__), None)
    return f" in {Path(frame.filename).name}, line {frame.lineno}, `{frame.line}`" if frame and frame.line else ""
