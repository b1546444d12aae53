"""Calls into components: in a known state of the process, which they cannot change for anyone else."""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from typing import Any, TextIO, cast

import numpy as np
import torch

from .process_state import STATES
from .seeding import seeded, stream_seed


@contextmanager
def restored_state() -> Iterator[None]:
    """Run a block in the state that the benchmark computes in, and restore the caller's state afterwards.

    Inside, numbers are float32, tensors are made on the CPU, gradients are recorded and no precision is reduced,
    unless the block says otherwise, whatever the caller has set. Afterwards everything in ``process_state.STATES`` is
    as it was before, whatever the block has changed.
    """
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
    """Call a component in a block: in a restored state, and on the random streams of ``identity``.

    What it prints goes to stderr, since stdout is for results; it cannot close either of them.
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
        """Leave it open."""
