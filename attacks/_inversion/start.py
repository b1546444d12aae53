"""The decoder from whose answer an inversion starts."""

from __future__ import annotations

from dataclasses import dataclass

from ...benchmark.interfaces import Observation
from .._decoders.divided import Divided
from .._decoders.fitting import Decoders, Recipe
from .._decoders.folds import Fitted
from .._decoders.linear import LinearDecoder, fit_linear
from .._decoders.queries import Queries
from .._decoders.skip_network import fit_skip
from .._decoders.variations import varied


@dataclass(frozen=True)
class Start:
    """What inversions start from.

    Attributes:
        queries: the attacker's images and variations of them, with their wires, divided.
        linear: the best linear decoder.
        decoder: the best decoder.
    """

    queries: Divided
    linear: Fitted[LinearDecoder]
    decoder: Decoders


def prepare(seen: Observation, recipe: Recipe, *, as_read: bool) -> Start:
    """Train the decoder of ``ridge_skip``.

    Args:
        seen: with queries.
        recipe: how to train.
        as_read: whether to train on wires as the channel reads them, which can be compared with IRs.
    """
    queries = Divided(Queries(seen, seen.aux.images, vary=varied, as_read=as_read))
    linear = fit_linear(queries)
    return Start(queries, linear, fit_skip(queries, linear, recipe))
