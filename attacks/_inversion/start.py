"""The decoder from whose answer an inversion starts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from torch import Tensor

from ...benchmark.interfaces import Observation
from .._decoders.divided import Divided
from .._decoders.fitting import Decoders, Recipe
from .._decoders.folds import Fitted, Fold
from .._decoders.linear import LinearDecoder, fit_linear
from .._decoders.queries import Queries
from .._decoders.skip_network import fit_skip
from .._decoders.variations import varied

Division = Callable[[Tensor], Sequence[Fold] | None]
"""Divides images (K, C, H, W); None: at random."""


@dataclass(frozen=True)
class Start:
    """What inversions start from.

    Attributes:
        queries: The attacker's images and variations of them, with their wires, divided.
        linear: The best linear decoder.
        decoder: The best decoder.
    """

    queries: Divided
    linear: Fitted[LinearDecoder]
    decoder: Decoders


def prepare(seen: Observation, recipe: Recipe, *, as_read: bool, divide: Division | None = None) -> Start:
    """Train the decoder of ``ridge_skip``.

    Args:
        seen: With queries.
        recipe: How to train.
        as_read: Whether to train on wires as the channel reads them, which can be compared with IRs.
        divide: Divides the attacker's images; None: at random.
    """
    queries = Queries(seen, seen.aux.images, vary=varied, as_read=as_read)
    divided = Divided(queries, divide and divide(queries.images[: queries.own]))
    linear = fit_linear(divided)
    return Start(divided, linear, fit_skip(divided, linear, recipe))
