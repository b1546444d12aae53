"""The reference that every other attack must beat."""

from typing import ClassVar

from torch import Tensor

from ..benchmark.interfaces import Access, Attack, Observation


class MeanImage(Attack):
    """Answers every wire with the mean of the attacker's images: what a leak of zero looks like.

    Among all answers that ignore the wire, this one has the smallest expected squared error.

    Source: the mean minimizes the expected squared error (Lehmann & Casella, Theory of Point Estimation, 1998).
    """

    access: ClassVar[Access] = Access.QUERY_FREE

    def reconstruct(self, seen: Observation) -> Tensor:
        """Repeat the mean image (C, H, W) once per entry of the wire."""
        return seen.aux.images.mean(0).clamp(0, 1).expand(len(seen.wire), -1, -1, -1).clone()
