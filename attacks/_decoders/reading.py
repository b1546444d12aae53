"""The choice between a wire as it is sent and as its channel reads it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from torch import Tensor

from ...benchmark.interfaces import Observation, Wire
from ...benchmark.interfaces.channel import readings
from ...benchmark.metrics.linear_error import linear_errors
from ...benchmark.utils.seeding import seeded
from .._limits import sample_size

SAMPLE = 128
"""Images that are sent to compare the readings, at most. Half of them are fitted to, and the others are rebuilt."""
WORSE = 1.1
"""Ratio of errors from which a reading loses something of what is sent."""


def best_reading(seen: Observation) -> Callable[[Wire], Tensor]:
    """Return the reading of wires from which a linear decoder rebuilds images best.

    What is sent may be a code that no decoder learns to read, such as compressed bytes, and a channel may read its
    wires in a way that loses most of what they tell.

    Args:
        seen: With queries.
    """
    ways = readings(seen.channel)
    errors = _errors(seen, ways)
    return ways[errors.index(min(errors))]


def reads_well(seen: Observation) -> bool:
    """Return whether the channel's reading of wires tells about as much as what is sent.

    Args:
        seen: With queries.
    """
    *sent, read = _errors(seen, readings(seen.channel))
    return not sent or read <= WORSE * sent[0]


def _errors(seen: Observation, ways: Sequence[Callable[[Wire], Tensor]]) -> list[float]:
    """Return the squared errors of linear decoders of readings; zeros if there is a single one, or a single image."""
    images = seen.aux.images
    if len(ways) == 1 or len(images) < 2:
        return [0.0 for _ in ways]
    assert seen.query is not None
    some = images[: sample_size(seen.wire.tensor[0], SAMPLE)]
    with seeded("readings"):  # later random numbers do not depend on this
        wire = seen.query(some)
    return linear_errors(some, [read(wire) for read in ways])
