"""Inversion with a Gaussian prior."""

from typing import ClassVar

from ..benchmark.interfaces import Access
from ._decoders.folds import Fitted
from ._inversion.map_attack import MapAttack
from ._inversion.map_priors import Prior, like_aux
from ._inversion.start import Start


class MapPca(MapAttack):
    """Searches from a decoder's answer for the image that explains the wire and resembles the attacker's images.

    Minimizes the misfit that fits the defense plus the squared length of the whitened principal components, which
    makes it maximum a posteriori for Gaussian images, from what the decoder of ``ridge_skip`` answers. The search is
    over pixels and not over components, since the bounds of the pixels then hold exactly. The weight is chosen on the
    attacker's own images; if none helps there, the answer is the decoder's.

    Source: ours, after Tipping & Bishop 1999, "Probabilistic principal component analysis".
    """

    access: ClassVar[Access] = Access.WHITE_BOX

    def prior(self, start: Start) -> Fitted[Prior]:
        """The penalty on images, (N,)."""
        return like_aux(start)
