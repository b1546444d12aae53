"""Inversion with a Gaussian prior."""

from typing import ClassVar

from ..benchmark.interfaces import Access
from ._inversion.map_attack import MapAttack
from ._inversion.map_priors import Priors, like_aux
from ._inversion.start import Start


class MapPca(MapAttack):
    """Search from a decoder's answer for the image that explains the wire and resembles the attacker's images.

    It minimizes the misfit that suits the defense plus the squared length of the whitened principal components, which
    is maximum a posteriori estimation for Gaussian images. The search starts from the answer of the decoder of
    ``ridge_skip``. It is over pixels and not over components, so that the bounds of the pixels hold exactly. The weight
    is chosen on held-out images of the attacker. If no weight helps there, the result is that of the decoder.

    Example:
        ``mia-bench run --attack map_pca --defense quantize``

    Source: ours, after Tipping & Bishop 1999, "Probabilistic principal component analysis".
    """

    access: ClassVar[Access] = Access.WHITE_BOX

    def prior(self, start: Start) -> Priors:
        """Fit the prior."""
        return like_aux(start)
