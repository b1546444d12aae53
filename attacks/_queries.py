"""Chosen images and what the protected client sends for them."""

from __future__ import annotations

import operator
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from ..benchmark.interfaces import Observation, Training
from ..benchmark.training import augment
from ._budget import affordable
from ._memory import sample_size

Vary = Callable[[Tensor], Tensor]
"""Makes images (M, C, H, W) from images (K, C, H, W)."""
LONGEST = 2**14
"""Vectors longer than this, such as ciphertexts, are hashed to this length."""
STORED = 2**29
"""Numbers that are kept (2 GB); wires that need more are sent again whenever they are used."""
SLOW_QUERIES = 1000
"""Images sent at most through a client that answers in byte strings, since encryption takes milliseconds."""
REACH = 2
"""Pixels by which images are moved to make more of them."""
SAMPLE = 1000
"""Images from which the scale of a wire is measured, at most."""
HELD_OUT = 200
"""Images at most on which a learner judges itself."""


def moved(images: Tensor) -> Tensor:
    """The images (K, C, H, W), each moved at random by up to ``REACH`` pixels down and across."""
    return augment(images, Training(shift=REACH))


class Queries:
    """Images (K, C, H, W) of the attacker's choice, and their wires.

    The wires are computed once if a repeated query gives the same answer. If it does not, or if they would fill the
    memory, each batch is sent when it is needed, so that a learner sees fresh randomness in every pass.

    Attributes:
        images: (K, C, H, W), at most ``SLOW_QUERIES`` of them if the wire is made of byte strings.
        observed: the wire of the private images, (N, ...).
        kept: the wires of all images, (K, ...), if the same query gives the same answer and there is room.
        affordable: images that may be sent in all, where each pass sends them anew.
    """

    def __init__(self, seen: Observation, images: Tensor, *, vary: Vary | None = None, as_read: bool = False) -> None:
        """Send the images, if their wires can be kept.

        Args:
            seen: the private wires and the way to query.
            images: the attacker's own, (K, C, H, W).
            vary: makes more images to learn from, if twice the wires can be kept; it is given none of those held out.
            as_read: wires in the shape of clean IRs, by the channel's own reading.
        """
        assert seen.query is not None
        self._query = seen.query
        self._read = seen.channel.read if as_read else operator.attrgetter("tensor")
        encoded = not isinstance(seen.wire.payload, Tensor)
        self.affordable = SLOW_QUERIES if encoded else affordable(self._query, images[:2])
        images = images[: self.affordable]
        self._held = min(HELD_OUT, max(1, len(images) // 10))
        room = 2 * len(images) * max(self._read(seen.wire)[0].numel(), images[0].numel()) <= STORED
        room = room and 2 * len(images) <= self.affordable
        made = 0
        if vary is not None and not encoded and room:
            own, held = images[: -self._held], images[-self._held :]
            more = vary(own)
            made = len(more)
            images = torch.cat([own, more, held])
        self.images = images
        self._own = self.trainable - made
        wire = self._read(seen.wire).to(images.device)
        self._length = wire[0].numel()
        self._hash = Hash(self._length).to(images.device) if wire[0].numel() > LONGEST and wire.ndim == 2 else None
        self.observed = self._prepare(wire)
        fits = len(self.images) * self.observed[0].numel() <= STORED
        self.kept: Tensor | None = None
        if encoded or (fits and not (self._changes() or seen.channel.stochastic)):
            self.kept = self._send_all(self.images)

    def __len__(self) -> int:
        """Count the images."""
        return len(self.images)

    @property
    def trainable(self) -> int:
        """How many of the images, the first ones, a learner may be fitted to."""
        return len(self) - self._held

    @property
    def own(self) -> int:
        """How many of those, the first ones, are the attacker's images as they are."""
        return self._own

    @property
    def held_out(self) -> Tensor:
        """Indices of the rest, on which it judges itself."""
        return torch.arange(self.trainable, len(self), device=self.images.device)

    def sample(self) -> Tensor:
        """The wires of the first images, to measure how large the numbers are, (K, ...)."""
        count = sample_size(self.observed[0], SAMPLE)
        return self.wires(torch.arange(min(count, len(self)), device=self.images.device))

    def wires(self, index: Tensor) -> Tensor:
        """The wires of some of the images, (B, ...)."""
        return self._send_all(self.images[index]) if self.kept is None else self.kept[index]

    def _changes(self) -> bool:
        """Whether an image may be sent in two ways; a few can agree by chance, more hardly."""
        return any(not torch.equal(self._send(part), self._send(part)) for part in (self.images[:2], self.images[:64]))

    def _send(self, images: Tensor) -> Tensor:
        assert self._query is not None
        return self._read(self._query(images))

    def _send_all(self, images: Tensor) -> Tensor:
        chunk = max(1, min(500, 2**26 // self._length))
        return torch.cat([self._prepare(self._send(part).to(images.device)) for part in images.split(chunk)])

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
