"""The reference attack, which every other attack must beat."""

from typing import ClassVar

from torch import Tensor

from ..benchmark.interfaces import Access, Attack, Observation


class MeanImage(Attack):
    """Return the mean of the attacker's images for every wire: the score of a wire that leaks nothing.

    Of all images that do not depend on the wire, it has the smallest expected squared error.

    Example:
        ``mia-bench run --attack mean_image``

    Source: the mean minimizes the expected squared error (Lehmann & Casella, Theory of Point Estimation, 1998).
    """

    access: ClassVar[Access] = Access.QUERY_FREE

    def reconstruct(self, seen: Observation) -> Tensor:
        """Return the mean image once for each entry of the wire, (N, C, H, W)."""
        return seen.aux.images.mean(0).clamp(0, 1).expand(len(seen.wire), -1, -1, -1).clone()
