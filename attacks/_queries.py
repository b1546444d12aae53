"""Chosen images and what the protected client sends for them."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from ..benchmark.interfaces import Observation

LONGEST = 2**14
"""Vectors longer than this, such as ciphertexts, are hashed to this length."""
STORED = 2**29
"""Numbers that are kept (2 GB); wires that need more are sent again whenever they are used."""
SLOW_QUERIES = 1000
"""Images sent at most through a client that answers in byte strings, since encryption takes milliseconds."""
HELD_OUT = 200
"""Images at most on which a learner judges itself."""


class Queries:
    """Images (K, C, H, W) of the attacker's choice, and their wires.

    The wires are computed once if a repeated query gives the same answer. If it does not, or if they would fill the
    memory, each batch is sent when it is needed, so that a learner sees fresh randomness in every pass.

    Attributes:
        images: (K, C, H, W), at most ``SLOW_QUERIES`` of them if the wire is made of byte strings.
        observed: the wire of the private images, (N, ...).
    """

    def __init__(self, seen: Observation, images: Tensor) -> None:
        """Send the images, if their wires can be kept."""
        assert seen.query is not None
        self._query = seen.query
        encoded = not isinstance(seen.wire.payload, Tensor)
        self.images = images[:SLOW_QUERIES] if encoded else images
        wire = seen.wire.tensor.to(images.device)
        self._length = wire[0].numel()
        self._hash = Hash(self._length).to(images.device) if wire[0].numel() > LONGEST and wire.ndim == 2 else None
        self.observed = self._prepare(wire)
        fits = len(self.images) * self.observed[0].numel() <= STORED
        self._kept: Tensor | None = None
        if encoded or (fits and not self._changes()):
            self._kept = self._send_all(self.images)

    def __len__(self) -> int:
        """Count the images."""
        return len(self.images)

    @property
    def trainable(self) -> int:
        """How many of the images, the first ones, a learner may be fitted to."""
        return len(self) - min(HELD_OUT, max(1, len(self) // 10))

    @property
    def held_out(self) -> Tensor:
        """Indices of the rest, on which it judges itself."""
        return torch.arange(self.trainable, len(self), device=self.images.device)

    def wires(self, index: Tensor) -> Tensor:
        """The wires of some of the images, (B, ...)."""
        return self._send_all(self.images[index]) if self._kept is None else self._kept[index]

    def _changes(self) -> bool:
        few = self.images[:2]
        return not torch.equal(self._send_all(few), self._send_all(few))

    def _send_all(self, images: Tensor) -> Tensor:
        chunk = max(1, min(500, 2**26 // self._length))
        return torch.cat([self._prepare(self._query(part).tensor.to(images.device)) for part in images.split(chunk)])

    def _prepare(self, wire: Tensor) -> Tensor:
        if wire.ndim == 2 and wire.shape[1] != self._length:  # ciphertexts differ by a few bytes
            wire = functional.pad(wire, (0, self._length - wire.shape[1]))
        return wire if self._hash is None else self._hash(wire)


class Hash(torch.nn.Module):
    """Adds each of many coordinates, with a random sign, to one of ``LONGEST`` sums; keeps distances in expectation.

    Source: Charikar, Chen, Farach-Colton 2002, "Finding frequent items in data streams" (count sketch).
    """

    bucket: Tensor
    sign: Tensor

    def __init__(self, length: int) -> None:
        """Draw where each of ``length`` coordinates goes."""
        super().__init__()
        self.register_buffer("bucket", torch.randint(LONGEST, (length,)))
        self.register_buffer("sign", torch.randint(2, (length,)) * 2.0 - 1)

    def forward(self, vectors: Tensor) -> Tensor:
        """Shorten (N, length) to (N, LONGEST)."""
        sums = vectors.new_zeros(len(vectors), LONGEST)
        return sums.index_add_(1, self.bucket, vectors * self.sign)
