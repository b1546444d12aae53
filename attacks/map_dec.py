"""Inversion that stays near the answer of a decoder."""

from typing import ClassVar

from ..benchmark.interfaces import Access
from ._inversion.map_attack import MapAttack
from ._inversion.map_priors import Priors, like_decoded
from ._inversion.start import Start


class MapDec(MapAttack):
    """Search around a decoder's answer for the image that explains the wire.

    It minimizes the misfit that suits the defense plus the squared Mahalanobis distance from what the decoder of
    ``ridge_skip`` answers. The covariance is that of the decoder's errors on the attacker's images, so the search moves
    in the directions in which the decoder is often wrong. The weight is chosen on held-out images of the attacker. If
    no weight helps there, the result is that of the decoder.

    Example:
        ``mia-bench run --attack map_dec --defense dropout``

    Source: ours; the anchor follows Bora et al., ICML 2017, "Compressed sensing using generative models".
    """

    access: ClassVar[Access] = Access.WHITE_BOX

    def prior(self, start: Start) -> Priors:
        """Fit the prior."""
        return like_decoded(start)
