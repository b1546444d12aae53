"""The decoder from whose answer an inversion starts."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

from torch import nn

from ...benchmark.interfaces import Observation
from .._decoders.divided import Divided
from .._decoders.fitting import DecoderRecipe, Decoders
from .._decoders.folds import Fitted, Fold, StageModels
from .._decoders.linear import LinearDecoder, fit_linear
from .._decoders.queries import Queries, Vary
from .._decoders.skip_network import fit_skip
from .._decoders.variations import varied
from .cosine_covariance import CosineCovariance, random_gradients
from .decoder_errors import fit_to_errors

Division = Callable[[Queries], Sequence[Fold] | None]
"""Divides the attacker's images among queries; None: at random."""


@dataclass(frozen=True)
class Start:
    """What inversions start from.

    Attributes:
        queries: The attacker's images and variations of them, with their wires, divided.
        linear: The best linear decoder.
        decoder: The best decoder.
        client: Maps images to clean IRs; None if the attacker does not know it.
    """

    queries: Divided
    linear: Fitted[LinearDecoder]
    decoder: Decoders
    client: nn.Module | None = None

    @cached_property
    def errors(self) -> StageModels[CosineCovariance]:
        """Return the covariance of the errors of the decoder, as far as the client leaves them open."""
        covariances = fit_to_errors(self.queries, self.decoder, CosineCovariance)
        if self.client is None:
            return covariances
        client = copy.deepcopy(self.client).requires_grad_(False).eval()
        *gradients, final = (
            random_gradients(client, queries.images[: queries.own])
            for queries in (*self.queries.parts, self.queries.whole)
        )
        tune, judge = (
            tuple(each.given(some) for each, some in zip(stage, gradients, strict=True)) for stage in covariances[:2]
        )
        return StageModels(tune, judge, covariances.final.given(final))


def prepare(
    seen: Observation, recipe: DecoderRecipe, *, as_read: bool, divide: Division | None = None, vary: Vary = varied
) -> Start:
    """Train the decoder of ``ridge_skip``.

    Args:
        seen: With queries.
        recipe: How to train.
        as_read: Whether to train on wires as the channel reads them, which can be compared with IRs.
        divide: Divides the attacker's images; None: at random.
        vary: How to make more images to learn from.
    """
    queries = Queries(seen, seen.aux.images, sources=seen.aux.sources, vary=vary, as_read=as_read)
    divided = Divided(queries, divide and divide(queries))
    linear = fit_linear(divided)
    return Start(divided, linear, fit_skip(divided, linear, recipe), seen.client)
