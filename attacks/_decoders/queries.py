"""Chosen images and what the protected client sends for them."""

from __future__ import annotations

import copy
import operator
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from ...benchmark.interfaces import Observation, Training
from ...benchmark.training import augment
from .._limits import affordable, sample_size
from .folds import Fold, divide_once

Vary = Callable[[Tensor], Tensor]
"""Makes images (K, C, H, W) from images (K, C, H, W): each from the one in its place, and from no other."""
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


def moved(images: Tensor) -> Tensor:
    """The images (K, C, H, W), each moved at random by up to ``REACH`` pixels down and across."""
    return augment(images, Training(shift=REACH))


class Queries:
    """Images (K, C, H, W) of the attacker's choice, and their wires.

    The wires are computed once if a repeated query gives the same answer. If it does not, or if they would fill the
    memory, each batch is sent when it is needed, so that a learner sees fresh randomness in every pass.

    All images may be fitted to, unless this is a ``part`` of others, which holds some of them out.

    Attributes:
        images: (K, C, H, W), at most ``SLOW_QUERIES`` of them if the wire is made of byte strings.
        own: how many of those, the first ones, are the attacker's images as they are.
        trainable: how many of them, the first ones, a learner may be fitted to.
        tune: indices of those that its settings are chosen on, (T,).
        judge: indices of those that it is judged on, (J,).
        observed: the wire of the private images, (N, ...).
        affordable: images that may be sent in all, where each pass sends them anew.
    """

    def __init__(self, seen: Observation, images: Tensor, *, vary: Vary | None = None, as_read: bool = False) -> None:
        """Send the images, if their wires can be kept.

        Args:
            seen: the private wires and the way to query.
            images: the attacker's own, (K, C, H, W).
            vary: makes more images to learn from, if twice the wires can be kept.
            as_read: wires in the shape of clean IRs, by the channel's own reading.
        """
        assert seen.query is not None
        self._query = seen.query
        self._read = seen.channel.read if as_read else operator.attrgetter("tensor")
        encoded = not isinstance(seen.wire.payload, Tensor)
        self.affordable = SLOW_QUERIES if encoded else affordable(self._query, images[:2])
        images = images[: self.affordable]
        room = 2 * len(images) * max(self._read(seen.wire)[0].numel(), images[0].numel()) <= STORED
        room = room and 2 * len(images) <= self.affordable
        self.own = len(images)
        self.images = torch.cat([images, vary(images)]) if vary is not None and not encoded and room else images
        self.trainable = len(self.images)
        self.tune = self.judge = torch.arange(0, device=images.device)
        wire = self._read(seen.wire).to(images.device)
        self._length = wire[0].numel()
        self._hash = Hash(self._length).to(images.device) if wire[0].numel() > LONGEST and wire.ndim == 2 else None
        self.observed = self._prepare(wire)
        fits = len(self.images) * self.observed[0].numel() <= STORED
        self._order: Tensor | None = None
        self._kept: Tensor | None = None
        if encoded or (fits and not (self._changes() or seen.channel.stochastic)):
            self._kept = self._send_all(self.images)

    def __len__(self) -> int:
        """Count the images."""
        return len(self.images)

    def part(self, fold: Fold) -> Queries:
        """The same queries in another order: first those that may be fitted to, then those held out."""
        assert self._order is None
        device = self.images.device
        fit, held = fold.fit.to(device), torch.cat([fold.tune, fold.judge]).to(device)
        made = fit + self.own if len(self) > self.own else fit[:0]
        part = copy.copy(self)
        part._order = torch.cat([fit, made, held])
        part.images = self.images[part._order]
        part.own, part.trainable = len(fit), len(fit) + len(made)
        part.tune, part.judge = torch.arange(part.trainable, len(part), device=device).split(
            [len(fold.tune), len(fold.judge)]
        )
        return part

    def split(self) -> Queries:
        """The same queries, some of which are held out."""
        return self.part(divide_once(self.own))

    @property
    def kept(self) -> bool:
        """Whether there is room for the wires of all images, and the same query gives the same answer."""
        return self._kept is not None

    @property
    def held_out(self) -> Tensor:
        """Indices of the attacker's images that a learner must not be fitted to."""
        return torch.cat([self.tune, self.judge])

    @property
    def mean(self) -> Tensor:
        """The mean of those of the attacker's images that a learner may be fitted to, (C, H, W)."""
        return self.images[: self.own].mean(0)

    def sample(self) -> Tensor:
        """The wires of the first images, to measure how large the numbers are, (K, ...)."""
        count = sample_size(self.observed[0], SAMPLE)
        return self.wires(torch.arange(min(count, self.trainable), device=self.images.device))

    def wires(self, index: Tensor) -> Tensor:
        """The wires of some of the images, (B, ...)."""
        if self._kept is None:
            return self._send_all(self.images[index])
        return self._kept[index if self._order is None else self._order[index]]

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
