"""The fixed ensemble of strong attacks, which share one decoder."""

from __future__ import annotations

from collections.abc import Iterator

from ..benchmark.errors import Inapplicable
from ..benchmark.interfaces import Observation, Reconstruction
from ._decoder import Rebuild, Recipe, apply
from ._inversion import comparable, ir_shape
from ._map import JUDGES, decibels, fit_map
from ._priors import like_aux, like_decoded
from ._start import Start, prepare
from ._trust import shrink, trust

ITERATIONS = 100
"""Optimization steps of the inversions; as many as ``map_pca`` and ``map_dec`` make by default."""


def ensemble(seen: Observation, recipe: Recipe) -> Reconstruction:
    """Run all members and select the one that does best on images held out.

    Args:
        seen: with queries; without a client, or if the channel is not published, only the learners take part.
        recipe: how the decoder is trained.
    """
    mean = seen.aux.images.mean(0)
    inverts = _invertible(seen)
    start = prepare(seen, recipe, as_read=inverts)
    held = start.queries.held_out[-JUDGES:]
    wires, truth = start.queries.wires(held), start.queries.images[held]  # the same draw of the noise for all
    members, scores = {}, {}
    for name, rebuild in _members(seen, start, inverts=inverts):
        judged = apply(rebuild, wires)
        factor = trust(judged, truth, mean)
        members[name] = shrink(apply(rebuild, start.queries.observed), mean, factor).contiguous()
        scores[name] = decibels(shrink(judged, mean, factor), truth)
    selected = max(scores, key=scores.__getitem__)
    return Reconstruction(members[selected], selected, members)


def _invertible(seen: Observation) -> bool:
    """Whether candidates can be sent through the client and compared with the wire."""
    if seen.client is None:
        return False
    try:
        ir_shape(seen.client, seen.aux.images.mean(0), comparable(seen))
    except Inapplicable:
        return False
    return True


def _members(seen: Observation, start: Start, *, inverts: bool) -> Iterator[tuple[str, Rebuild]]:
    yield "ridge", start.linear.decode
    yield "ridge_skip", start.decoder
    if inverts:
        for name, prior in (("map_pca", like_aux), ("map_dec", like_decoded)):
            yield name, fit_map(seen, start, prior(start), weight=None, iterations=ITERATIONS)
