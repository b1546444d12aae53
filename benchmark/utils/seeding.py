"""Random streams that follow from what is computed, not from when or where."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import torch


def stream_seed(*identity: object) -> int:
    """Derive a 63-bit seed from an identity, the same in every process."""
    return int.from_bytes(hashlib.sha256(repr(identity).encode()).digest()[:8], "big") >> 1


@contextmanager
def seeded(*identity: object) -> Iterator[None]:
    """Run a block on the random stream of ``identity``; the streams outside go on undisturbed."""
    devices = range(torch.cuda.device_count())
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(stream_seed(*identity))
        yield
