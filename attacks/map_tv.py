"""Inversion with a smoothness prior."""

from typing import ClassVar

from ..benchmark.interfaces import Access
from ._decoders.folds import Fitted
from ._inversion.map_attack import MapAttack
from ._inversion.map_priors import Prior, smooth
from ._inversion.start import Start


class MapTv(MapAttack):
    """Searches from a decoder's answer for the smooth image that explains the wire.

    Minimizes the misfit that fits the defense plus the squared total variation, with a batched L-BFGS in the box of
    images, from what the decoder of ``ridge_skip`` answers. The weight of the prior is chosen on the attacker's own
    images; if none helps there, the answer is the decoder's.

    Source: Mahendran & Vedaldi, CVPR 2015, "Understanding deep image representations by inverting them"; the start is
    ours.
    """

    access: ClassVar[Access] = Access.WHITE_BOX

    def prior(self, start: Start) -> Fitted[Prior]:
        """The penalty on images, (N,)."""
        return smooth(start)
