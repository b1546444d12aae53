"""Chosen images and what the protected client sends for them."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from ...benchmark.interfaces import Observation
from ...benchmark.utils.count_sketch import MAX_VECTOR_NUMBERS, Hash
from ...benchmark.utils.ir_layout import IrLayout
from ...benchmark.utils.outliers import UsualRange, range_without_outliers
from ...benchmark.utils.seeding import seeded
from .._limits import max_query_images, sample_size
from .find_layout import find_layout
from .folds import Fold, divide_once
from .reading import best_reading
from .variations import Variation
from .wire_layout import WireLayout

Vary = Callable[[IrLayout], Variation]
"""Says how to make more images to learn from, for wires of a layout."""
MAX_STORED_NUMBERS = 2**29
"""Numbers that are stored (2 GB); wires that need more are queried again whenever they are used."""
MAX_ENCRYPTED_QUERIES = 1000
"""Images sent at most through a client that encrypts its answers, which takes milliseconds for each."""
MAX_SAMPLE_IMAGES = 1000
"""Images from which the scale of a wire is measured, at most."""
OUTLIER_IMAGES = (64, 128)
"""Images that are sent to search their wires for outliers, at least and at most. Fewer are sent several times."""


@dataclass(frozen=True)
class QueryPlan:
    """Which images are sent.

    Attributes:
        images: (K, C, H, W); the attacker's own come first.
        own: How many of them are the attacker's own.
        affordable: Images that may be sent in all.
        encrypted: Whether the client answers in byte strings that differ each time.
    """

    images: Tensor
    own: int
    affordable: int
    encrypted: bool

    @classmethod
    def decide(
        cls, seen: Observation, images: Tensor, *, layout: WireLayout, vary: Vary | None, encrypted: bool
    ) -> QueryPlan:
        """Decide how many of the images (K, C, H, W) to send, and how many to make of them.

        Args:
            seen: The private wires and the way to query.
            images: The attacker's own, (K, C, H, W).
            layout: Of the wires.
            vary: How to make more images, if their wires can be stored.
            encrypted: Whether the client answers in byte strings that differ each time.
        """
        assert seen.query is not None
        most = MAX_ENCRYPTED_QUERIES if encrypted else max_query_images(seen.query, images[:2])
        images = images[:most]
        own = len(images)
        if vary is not None and not encrypted:
            variation = vary(layout.ir)
            copies = variation.copies_of(own, max(math.prod(layout.ir.shape), images[0].numel()), most=most)
            images = torch.cat([images, *(variation.vary(images) for _ in range(copies))])
        return cls(images, own, most, encrypted)


class Queries:
    """Images (K, C, H, W) of the attacker's choice, and their wires.

    The wires are computed once if a repeated query gives the same answer. If it does not, or if they would fill the
    memory, each batch is sent when it is needed, so that a learner sees fresh randomness in every pass.

    Where rare huge errors, such as flipped bits, hide everything else in a random wire, the medians of these numbers
    replace them.

    All images may be fitted to, unless this is a ``part`` of others, which holds some of them out.

    Attributes:
        images: (K, C, H, W), at most ``MAX_ENCRYPTED_QUERIES`` of them if the client encrypts.
        own: How many of those, the first ones, are the attacker's images as they are.
        trainable: How many of them, the first ones, a learner may be fitted to.
        tune: Indices of those that its settings are chosen on, (T,).
        judge: Indices of those that it is judged on, (J,).
        sources: The source of each of the attacker's own images, (own,); each is its own if none are known.
        observed: The wire of the private images, (N, ...).
        layout: How the numbers of a wire lie on the image. A vector may be flattened maps.
        affordable: Images that may be sent in all, where each pass sends them anew.

    Example:
        >>> from mia_bench import Channel, ImageSet, Observation, Wire
        >>> aux = ImageSet(torch.rand(8, 1, 8, 8), torch.zeros(8, dtype=torch.int64))
        >>> seen = Observation(
        ...     wire=Wire(torch.rand(2, 64)),
        ...     aux=aux,
        ...     classes=2,
        ...     channel=Channel(),
        ...     query=lambda images: Wire(images.flatten(1)),
        ... )
        >>> queries = Queries(seen, aux.images).split()
        >>> queries.trainable, len(queries.held_out), queries.wires(queries.held_out).shape
        (6, 2, torch.Size([2, 64]))
    """

    def __init__(
        self,
        seen: Observation,
        images: Tensor,
        *,
        sources: Tensor | None = None,
        vary: Vary | None = None,
        as_read: bool = False,
    ) -> None:
        """Send the images, if their wires can be stored.

        Args:
            seen: The private wires and the way to query.
            images: The attacker's own, (K, C, H, W).
            sources: The source of each, (K,), if there are any.
            vary: How to make more images to learn from, if their wires can be stored.
            as_read: Wires in the shape of clean IRs, by the channel's own reading. If not, the best reading is chosen.
        """
        self._query = seen.query
        self._read = seen.channel.read if as_read else best_reading(seen)
        wire = self._read(seen.wire).to(images.device)
        self._length = wire[0].numel()
        self._hash: Hash | None = None
        self._usual: UsualRange | None = None
        encrypted = not isinstance(seen.wire.payload, Tensor) and (seen.channel.stochastic or self._changes(images))
        shape, image = wire.shape[1:], images.shape[1:]
        self.layout = WireLayout.of(shape, image=image) if encrypted else find_layout(shape, images, self.send)
        plan = QueryPlan.decide(seen, images, layout=self.layout, vary=vary, encrypted=encrypted)
        self.images, self.own, self.affordable = plan.images, plan.own, plan.affordable
        self.trainable = len(self.images)
        self.sources = torch.arange(self.own) if sources is None else sources[: self.own].cpu()
        self.tune = self.judge = torch.arange(0, device=images.device)
        vector = wire.ndim == 2 and not self.layout.spatial
        if vector and self._length > MAX_VECTOR_NUMBERS and not as_read:  # inversions need the IR itself
            self._hash = Hash(self._length).to(images.device)
        self.observed = self._prepare(wire)
        self.layout = self.layout if self._hash is None else WireLayout.of(self.observed.shape[1:], image=image)
        self._order: Tensor | None = None
        self._kept: Tensor | None = None
        fits = len(self.images) * self.observed[0].numel() <= MAX_STORED_NUMBERS
        random = (fits and self._changes(self.images)) or seen.channel.stochastic
        if plan.encrypted or (fits and not random):
            self._kept = self.send(self.images)
        elif random:
            self._usual = self._usual_range()
            self.observed = self._prepare(wire)

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.images)

    def part(self, fold: Fold) -> Queries:
        """Return the same queries in another order: first those that may be fitted to, then those held out."""
        assert self._order is None
        device = self.images.device
        fit, held = fold.fit.to(device), torch.cat([fold.tune, fold.judge]).to(device)
        copies = len(self) // self.own - 1
        made = torch.cat([fit + self.own * (1 + copy) for copy in range(copies)]) if copies else fit[:0]
        part = copy.copy(self)
        part._order = torch.cat([fit, made, held])
        part.images = self.images[part._order]
        part.own, part.trainable = len(fit), len(fit) + len(made)
        part.sources = self.sources[fold.fit.cpu()]
        part.tune, part.judge = torch.arange(part.trainable, len(part), device=device).split(
            [len(fold.tune), len(fold.judge)]
        )
        return part

    def split(self) -> Queries:
        """Return the same queries, some of which are held out."""
        return self.part(divide_once(self.own, self.sources))

    @property
    def kept(self) -> bool:
        """Return whether all wires are stored: they fit, and the same query gives the same answer."""
        return self._kept is not None

    @property
    def held_out(self) -> Tensor:
        """Return the indices of the images that a learner must not be fitted to, (T + J,)."""
        return torch.cat([self.tune, self.judge])

    @property
    def not_judged(self) -> Tensor:
        """Return the indices of the attacker's images that nothing is judged on: those to fit to, then to tune on."""
        known = torch.cat([torch.arange(self.own, device=self.tune.device), self.tune])
        if self._order is None:
            return known
        return known[~torch.isin(self._order[known], self._order[self.judge])]  # one image may have both roles

    @property
    def mean(self) -> Tensor:
        """Return the mean of the attacker's images that a learner may be fitted to, (C, H, W)."""
        return self.images[: self.own].mean(0)

    def sample(self) -> Tensor:
        """Return the wires of the first images, to measure how large the numbers are, (K, ...)."""
        count = sample_size(self.observed[0], MAX_SAMPLE_IMAGES)
        return self.wires(torch.arange(min(count, self.trainable), device=self.images.device))

    def wires(self, index: Tensor) -> Tensor:
        """Return the wires of some of the images, (B, ...)."""
        if self._kept is None:
            return self.send(self.images[index])
        return self._kept[index if self._order is None else self._order[index]]

    def _changes(self, images: Tensor) -> bool:
        """Return whether the answers to a repeated query differ; for two images they may agree by chance."""
        return any(not torch.equal(self._send(part), self._send(part)) for part in (images[:2], images[:64]))

    def _send(self, images: Tensor) -> Tensor:
        assert self._query is not None
        return self._read(self._query(images))

    def send(self, images: Tensor) -> Tensor:
        """Return the wires of any images (B, C, H, W), (B, ...)."""
        chunk = max(1, min(500, 2**26 // self._length))
        return torch.cat([self._prepare(self._send(part).to(images.device)) for part in images.split(chunk)])

    def _usual_range(self) -> UsualRange | None:
        """Return the range in which the numbers of a random wire usually lie, if outliers hide the others."""
        least, most = OUTLIER_IMAGES
        some = self.images[: min(self.own, sample_size(torch.empty(self._length), most))]
        some = some.repeat(-(-least // len(some)), 1, 1, 1) if len(some) < least else some
        with seeded("outliers"):  # later random numbers do not depend on this
            first, again = (self._send(some).to(some.device) for _ in range(2))
        return range_without_outliers(first, again) if first.shape == again.shape else None

    def _prepare(self, wire: Tensor) -> Tensor:
        if wire.ndim == 2 and wire.shape[1] != self._length:  # ciphertexts differ by a few bytes
            wire = functional.pad(wire, (0, self._length - wire.shape[1]))
        if self._usual is not None:
            wire = self._usual.replace(wire)
        return wire if self._hash is None else self._hash(wire)
