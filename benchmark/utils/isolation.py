"""Isolation of calls into components: they run in a known state of the process and cannot change it for others."""

from __future__ import annotations

import os
import random
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from typing import Any, TextIO, cast

import numpy as np
import torch

from .process_state import STATES
from .seeding import seeded, stream_seed

_TURN = threading.RLock()
"""Held in ``restored_state``: random numbers and precision belong to the whole process, so threads take turns."""
if hasattr(os, "register_at_fork"):  # Windows has no forks.
    os.register_at_fork(after_in_child=_TURN._at_fork_reinit)  # pyright: ignore[reportAttributeAccessIssue]


@contextmanager
def restored_state() -> Iterator[None]:
    """Run a block in the process state that the benchmark uses, and restore the caller's state afterwards.

    When the block begins, numbers are float32, tensors are created on the CPU, gradients are recorded and no precision
    is reduced, regardless of the caller's settings. When it ends, everything in ``process_state.STATES`` is restored,
    regardless of what the block has changed. Threads wait for each other, since all of them share this state.
    """
    with _TURN:
        yield from _restored()


@contextmanager
def reproducible_state() -> Iterator[None]:
    """Run a block in ``restored_state`` on one thread: the same arithmetic in one process and in several."""
    with restored_state():
        torch.set_num_threads(1)
        yield


def _restored() -> Iterator[None]:
    before = [state.read() for state in STATES]
    device = torch.get_default_device()
    try:
        with ExitStack() as stack:
            stack.enter_context(torch.inference_mode(False))
            if device.type != "cpu":
                stack.enter_context(torch.device("cpu"))
            for state, value in zip(STATES, before, strict=True):
                if state.known is not None and value != state.known:
                    state.write(state.known)
            yield
    finally:
        for state, value in zip(STATES, before, strict=True):
            if state.read() != value:
                state.write(value)


@contextmanager
def isolated(*identity: object) -> Iterator[None]:
    """Run a block that calls a component: in ``restored_state``, and with random numbers seeded by ``identity``.

    Output of the component goes to stderr, since stdout is for results. It cannot close either stream.
    """
    console = cast(TextIO, _Open(sys.stderr))
    with restored_state(), seeded(*identity), redirect_stdout(console), redirect_stderr(console):
        seed = stream_seed(*identity)
        random.seed(seed)
        np.random.seed(seed % 2**32)
        yield


class _Open:
    """A text stream that cannot be closed."""

    def __init__(self, target: TextIO) -> None:
        self._target = target

    def __getattr__(self, name: str) -> Any:
        return getattr(self._target, name)

    def close(self) -> None:
        """Do nothing: the stream stays open."""
