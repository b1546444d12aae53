"""The decoder whose answer an inversion starts from."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from ..benchmark.interfaces import Observation
from ._decoder import Rebuild
from ._inversion import comparable, ir_shape
from ._linear_decoder import LinearDecoder, fit_linear
from ._queries import Queries, moved
from ._skip_decoder import Recipe, fit_skip


@dataclass(frozen=True)
class Start:
    """Where inversions start.

    Attributes:
        images: the attacker's own, (K, C, H, W).
        queries: those and more with their wires, as the channel reads them.
        linear: the best linear decoder.
        decoder: the best decoder.
    """

    images: Tensor
    queries: Queries
    linear: LinearDecoder
    decoder: Rebuild


def prepare(seen: Observation, recipe: Recipe) -> Start:
    """Train the decoder of ``ridge_skip``.

    Raises:
        Inapplicable: if the defense publishes nothing about its channel, or the wire is no IR.
    """
    assert seen.client is not None
    ir_shape(seen.client, seen.aux.images.mean(0), comparable(seen))
    queries = Queries(seen, seen.aux.images, vary=moved, as_read=True)
    linear = fit_linear(queries)
    return Start(seen.aux.images, queries, linear, fit_skip(queries, linear, recipe))
