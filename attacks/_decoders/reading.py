"""The choice between a wire as it is sent and as its channel reads it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn import functional

from ...benchmark.interfaces import Observation, Wire
from ...benchmark.interfaces.channel import readings
from ...benchmark.utils.seeding import seeded
from .._limits import sample_size
from .least_squares import Equations

SAMPLE = 128
"""Images that are sent to compare the readings, at most. Half of them are fitted to, and the others are rebuilt."""
SIDE = 32
"""Pixels down and across that images are reduced to for this comparison, at most."""
STRENGTHS = (1e-4, 1e-2, 1.0)
"""Penalties that are tried."""
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
    height, width = some.shape[2:]
    pixels = functional.adaptive_avg_pool2d(some, (min(SIDE, height), min(SIDE, width))).flatten(1)
    with seeded("readings"):  # later random numbers do not depend on this
        wire = seen.query(some)
    return [_error(read(wire).flatten(1).to(pixels.device), pixels) for read in ways]


def _error(wires: Tensor, pixels: Tensor) -> float:
    """Return the squared error on half of images (K, P) of the best linear decoder of wires (K, D) of the others."""
    half = len(wires) // 2
    equations = Equations.gather(wires[:half], pixels[:half])
    errors = [(equations.solve(strength)(wires[half:]) - pixels[half:]).square().mean() for strength in STRENGTHS]
    return torch.stack(errors).min().item()
