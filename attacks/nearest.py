"""The attack that remembers: whichever of its own images looks alike on the wire."""

from typing import ClassVar

import torch
from torch import Tensor

from ..benchmark.interfaces import Access, Attack, Observation
from ._decoders.queries import Queries
from ._limits import sample_size

CHUNK = 1000
"""Queries compared at a time, at most."""


class Nearest(Attack):
    """Answers with that one of the attacker's images whose wire is closest to the recorded one.

    The distance is Euclidean, with each number of the wire as sent. Nothing is rebuilt: what it reaches above the mean
    image says that the wire tells which image is alike, and what others reach above it that they do more than remember.

    Source: Fix & Hodges 1951, nearest neighbors; Balle, Cherubin, Hayes, S&P 2022, use it as an oracle.
    """

    access: ClassVar[Access] = Access.BLACK_BOX
    standard: ClassVar[bool] = False

    def reconstruct(self, seen: Observation) -> Tensor:
        """Query all images and look the closest one up; images (N, C, H, W)."""
        queries = Queries(seen, seen.aux.images)
        observed = queries.observed.flatten(1)  # (N, k)
        best = torch.full((len(observed),), torch.inf, device=observed.device)
        found = torch.zeros(len(observed), dtype=torch.long, device=observed.device)
        for index in torch.arange(len(queries), device=observed.device).split(sample_size(queries.observed[0], CHUNK)):
            wires = queries.wires(index).flatten(1)
            closest = torch.cdist(observed, wires, compute_mode="donot_use_mm_for_euclid_dist").min(1)  # exact near 0
            nearer = closest.values < best
            best = torch.where(nearer, closest.values, best)
            found = torch.where(nearer, index[closest.indices], found)
        return queries.images[found]
