"""Conversion between tensors and bytes: float32, little endian."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

FLOAT_TYPE = np.dtype("<f4")


def float_bytes(value: Tensor) -> bytes:
    """Return the numbers of a tensor as bytes, in order."""
    return value.detach().cpu().contiguous().numpy().astype(FLOAT_TYPE).tobytes()


def from_float_bytes(payloads: Sequence[bytes], shape: tuple[int, ...]) -> Tensor:
    """Return N payloads as a tensor (N, *shape), float32."""
    numbers = np.frombuffer(b"".join(payloads), FLOAT_TYPE).astype(np.float32)
    return torch.from_numpy(numbers).view(len(payloads), *shape)
