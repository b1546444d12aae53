"""The attack that looks up the most similar auxiliary image."""

from typing import ClassVar

import torch
from torch import Tensor

from ..benchmark.interfaces import Access, Attack, Observation
from ._decoders.queries import Queries
from ._limits import sample_size

MAX_CHUNK_QUERIES = 1000
"""Queries compared at a time, at most."""


class Nearest(Attack):
    """Return the attacker's image whose wire is closest to the recorded one.

    The distance is Euclidean, on the numbers of the wire as sent. Vectors of more than 16,384 numbers, such as
    ciphertexts, are shortened to as many at random, which keeps their distances on average. Nothing is reconstructed.
    A score above the mean image shows that the wire reveals which images are similar. A score of another attack above
    this one shows that it does more than remember images.

    Example:
        ``mia-bench run --attack nearest``

    Source: Fix & Hodges 1951, nearest neighbors; Balle, Cherubin, Hayes, S&P 2022, use it as an oracle.
    """

    version: ClassVar[int] = 2
    access: ClassVar[Access] = Access.BLACK_BOX
    standard: ClassVar[bool] = False

    def reconstruct(self, seen: Observation) -> Tensor:
        """Query all images and return the closest one for each wire, (N, C, H, W)."""
        queries = Queries(seen, seen.aux.images)
        observed = queries.observed.flatten(1)  # (N, k)
        best = torch.full((len(observed),), torch.inf, device=observed.device)
        found = torch.zeros(len(observed), dtype=torch.long, device=observed.device)
        chunk = sample_size(queries.observed[0], MAX_CHUNK_QUERIES)
        for index in torch.arange(len(queries), device=observed.device).split(chunk):
            wires = queries.wires(index).flatten(1)
            closest = torch.cdist(observed, wires, compute_mode="donot_use_mm_for_euclid_dist").min(1)  # exact near 0
            nearer = closest.values < best
            best = torch.where(nearer, closest.values, best)
            found = torch.where(nearer, index[closest.indices], found)
        return queries.images[found]
