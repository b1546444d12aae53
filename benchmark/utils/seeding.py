"""Random streams that depend on what is computed, not on when or where."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor


def stream_seed(*identity: object) -> int:
    """Derive a 63-bit seed from an identity. The seed is the same in every process.

    Example:
        >>> stream_seed("attack", 0) == stream_seed("attack", 0) != stream_seed("attack", 1)
        True
    """
    return int.from_bytes(hashlib.sha256(repr(identity).encode()).digest()[:8], "big") >> 1


@contextmanager
def seeded(*identity: object) -> Iterator[None]:
    """Run a block with torch's random numbers seeded by ``identity``. Random numbers outside it are unaffected."""
    devices = range(torch.cuda.device_count())
    with torch.random.fork_rng(devices=devices):
        # Without CUDA, torch.manual_seed formats a stack trace for each call and keeps it.
        seed = torch.manual_seed if devices else torch.default_generator.manual_seed
        seed(stream_seed(*identity))
        yield


def random_state() -> list[Tensor]:
    """Return the state of torch's random numbers, on the CPU and all GPUs."""
    return [torch.get_rng_state(), *map(torch.cuda.get_rng_state, range(torch.cuda.device_count()))]


def set_random_state(state: list[Tensor]) -> None:
    """Continue torch's random numbers from a state that ``random_state`` has returned."""
    torch.set_rng_state(state[0])
    for device, each in enumerate(state[1:]):
        torch.cuda.set_rng_state(each, device)
