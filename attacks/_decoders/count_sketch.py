"""Shortening of very long vectors."""

from __future__ import annotations

import torch
from torch import Tensor

MAX_VECTOR_NUMBERS = 2**14
"""Vectors longer than this, such as ciphertexts, are hashed to this length."""


class Hash(torch.nn.Module):
    """Add each coordinate of long vectors, with a random sign, to one of ``MAX_VECTOR_NUMBERS`` sums.

    Distances stay the same in expectation.

    Source: Charikar, Chen, Farach-Colton 2002, "Finding frequent items in data streams" (count sketch).
    """

    bucket: Tensor
    sign: Tensor

    def __init__(self, length: int) -> None:
        """Draw the sum and the sign of each of ``length`` coordinates."""
        super().__init__()
        self.register_buffer("bucket", torch.randint(MAX_VECTOR_NUMBERS, (length,)))
        self.register_buffer("sign", torch.randint(2, (length,)) * 2.0 - 1)

    def forward(self, vectors: Tensor) -> Tensor:
        """Shorten (N, length) to (N, MAX_VECTOR_NUMBERS)."""
        sums = vectors.new_zeros(len(vectors), MAX_VECTOR_NUMBERS)
        return sums.index_add_(1, self.bucket, vectors * self.sign)
