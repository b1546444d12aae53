"""The attack that looks up the most similar auxiliary image."""

from typing import ClassVar

import torch
from torch import Tensor

from ..benchmark.interfaces import Access, Attack, Observation
from ._decoders.folds import MAX_HELD_OUT
from ._decoders.queries import Queries
from ._limits import sample_size
from ._shrinkage import Judged, shrinkage_factor

MAX_CHUNK_QUERIES = 1000
"""Queries compared at a time, at most."""


class Nearest(Attack):
    """Return the attacker's image whose wire is closest to the recorded one.

    The distance is Euclidean, on the numbers of the wire as sent. Vectors of more than 16,384 numbers, such as
    ciphertexts, are shortened to as many at random, which keeps their distances on average. Nothing is reconstructed.
    The attack is tried on the attacker's own images, each without itself. If the images that it finds are no more like
    them than like others, it returns the mean image. A score above that shows that the wire reveals which images are
    similar. A score of another attack above this one shows that it does more than remember images.

    Example:
        ``mia-bench run --attack nearest``

    Source: Fix & Hodges 1951, nearest neighbors; Balle, Cherubin, Hayes, S&P 2022, use it as an oracle.
    """

    version: ClassVar[int] = 4
    access: ClassVar[Access] = Access.BLACK_BOX
    standard: ClassVar[bool] = False

    def reconstruct(self, seen: Observation) -> Tensor:
        """Query all images and return the closest one for each wire, or the mean image, (N, C, H, W)."""
        queries = Queries(seen, seen.aux.images, sources=seen.aux.sources)
        judge = torch.arange(min(len(queries), MAX_HELD_OUT), device=queries.images.device)
        others = queries.images[_closest(queries.wires(judge), queries, own=judge)]
        mean = queries.images.mean(0)
        if len(queries) > 1 and not shrinkage_factor(Judged(others, queries.images[judge], mean)):
            return mean.expand(len(queries.observed), -1, -1, -1).contiguous()
        return queries.images[_closest(queries.observed, queries)]


def _closest(wires: Tensor, queries: Queries, *, own: Tensor | None = None) -> Tensor:
    """Return the index of the query whose wire is closest to each of some wires (N, ...), (N,).

    Args:
        wires: The wires.
        queries: The images of the attacker.
        own: The query of each wire, (N,), which is left out with all others of its source.
    """
    observed, sources = wires.flatten(1), queries.sources.to(wires.device)  # (N, k), (K,)
    best = torch.full((len(observed),), torch.inf, device=observed.device)
    found = torch.zeros(len(observed), dtype=torch.long, device=observed.device)
    chunk = sample_size(queries.observed[0], MAX_CHUNK_QUERIES)
    for index in torch.arange(len(queries), device=observed.device).split(chunk):
        gaps = torch.cdist(observed, queries.wires(index).flatten(1), compute_mode="donot_use_mm_for_euclid_dist")
        if own is not None:
            gaps[sources[own][:, None] == sources[index]] = torch.inf
        closest = gaps.min(1)
        nearer = closest.values < best
        best = torch.where(nearer, closest.values, best)
        found = torch.where(nearer, index[closest.indices], found)
    return found
