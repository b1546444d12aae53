"""The wall time of a block of computation."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch


@dataclass
class Elapsed:
    """Hold the time that a block took.

    Attributes:
        ms: Milliseconds. NaN until the block has ended.

    Example:
        >>> Elapsed().ms
        nan
    """

    ms: float = float("nan")


@contextmanager
def timed_ms(device: torch.device) -> Iterator[Elapsed]:
    """Measure the wall time of a block, including the work that it has started on a CUDA device.

    Args:
        device: The device on which the block computes.

    Example:
        >>> with timed_ms(torch.device("cpu")) as elapsed:
        ...     total = torch.ones(10).sum()
        >>> elapsed.ms > 0
        True
    """
    elapsed, start = Elapsed(), time.perf_counter()
    yield elapsed
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elapsed.ms = 1000 * (time.perf_counter() - start)
