"""Shortening of very long vectors."""

from __future__ import annotations

import torch
from torch import Tensor

MAX_VECTOR_NUMBERS = 2**14
"""Vectors longer than this, such as ciphertexts, are hashed to this length by attacks."""


class Hash(torch.nn.Module):
    """Add each coordinate of long vectors, with a random sign, to one of a fixed number of sums.

    Distances stay the same in expectation.

    Source: Charikar, Chen, Farach-Colton 2002, "Finding frequent items in data streams" (count sketch).

    Example:
        >>> Hash(10, sums=4)(torch.ones(2, 10)).shape
        torch.Size([2, 4])
    """

    bucket: Tensor
    sign: Tensor

    def __init__(self, length: int, *, sums: int = MAX_VECTOR_NUMBERS) -> None:
        """Draw the sum and the sign of each of ``length`` coordinates."""
        super().__init__()
        self.sums = sums
        self.register_buffer("bucket", torch.randint(sums, (length,)))
        self.register_buffer("sign", torch.randint(2, (length,)) * 2.0 - 1)

    def forward(self, vectors: Tensor) -> Tensor:
        """Shorten (N, length) to (N, sums)."""
        signed = vectors * self.sign
        return signed.new_zeros(len(vectors), self.sums).index_add_(1, self.bucket, signed)
