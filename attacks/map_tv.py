"""Inversion with a smoothness prior."""

from typing import ClassVar

from ..benchmark.interfaces import Access
from ._inversion.map_attack import MapAttack
from ._inversion.map_priors import Priors, smooth
from ._inversion.start import Start


class MapTv(MapAttack):
    """Search from a decoder's answer for the smooth image that explains the wire.

    It minimizes the misfit that suits the defense plus the squared total variation, by batched L-BFGS within the bounds
    of the pixels. The search starts from the answer of the decoder of ``ridge_skip``. The weight of the prior is chosen
    on held-out images of the attacker. If no weight helps there, the result is that of the decoder.

    Example:
        ``mia-bench run --attack map_tv --prior-weight 0.01``

    Source: Mahendran & Vedaldi, CVPR 2015, "Understanding deep image representations by inverting them"; the start is
    ours.
    """

    access: ClassVar[Access] = Access.WHITE_BOX

    def prior(self, start: Start) -> Priors:
        """Fit the prior."""
        return smooth(start)
