"""The ensemble that stands for the strongest attacker known."""

from typing import ClassVar

from ..benchmark.interfaces import Access, Attack, Observation, Reconstruction
from ._decoders.fitting import Recipe
from ._ensemble import ensemble


class Auto(Attack):
    """Runs ridge, ridge_skip, map_pca and map_dec, and answers with the one that does best on its own images.

    The ensemble is fixed and without parameters, so that figures of different people compare. The member is selected
    for the whole cell on images of the attacker's own that it was neither fitted to nor tuned on; where these are few,
    each is held out in turn, and the member is then fitted to all. With fewer images than pixels, which leave the
    covariance of images unknown, map_tv takes part. The record tells which member was selected, what each reached, and
    the per-image best of them all (``oracle``), which no attacker reaches for certain. Where a defense publishes
    nothing about its channel, only the two that learn from queries take part.

    Source: ours, after Croce & Hein, ICML 2020, "Reliable evaluation ... with an ensemble" (AutoAttack).
    """

    version: ClassVar[int] = 5
    access: ClassVar[Access] = Access.WHITE_BOX

    def reconstruct(self, seen: Observation) -> Reconstruction:
        """Run the members and select one."""
        return ensemble(seen, Recipe())
