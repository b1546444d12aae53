"""Inversion anchored to a decoder."""

from typing import ClassVar

from ..benchmark.interfaces import Access
from ._decoders.folds import Fitted
from ._inversion.map_attack import MapAttack
from ._inversion.map_priors import Prior, like_decoded
from ._inversion.start import Start


class MapDec(MapAttack):
    """Searches around a decoder's answer for the image that explains the wire.

    Minimizes the misfit that fits the defense plus the squared Mahalanobis distance from what the decoder of
    ``ridge_skip`` answers, whose covariance is that of the decoder's errors on the attacker's own images: the search
    moves where the decoder is often wrong. The weight is chosen on the attacker's own images; if none helps there, the
    answer is the decoder's.

    Source: ours; the anchor follows Bora et al., ICML 2017, "Compressed sensing using generative models".
    """

    access: ClassVar[Access] = Access.WHITE_BOX

    def prior(self, start: Start) -> Fitted[Prior]:
        """The penalty on images, (N,)."""
        return like_decoded(start)
