"""Inversion with a prior of image patches."""

from collections.abc import Sequence
from typing import ClassVar

from ..benchmark.interfaces import Access
from ._decoders.folds import Fold, divide_into_folds
from ._decoders.queries import Queries
from ._inversion.map_attack import MapAttack
from ._inversion.map_priors import Priors
from ._inversion.start import Start
from ._priors.expectation_maximization import like_patches
from ._priors.trained_once import divided_by_content


class MapPatch(MapAttack):
    """Search from a decoder's answer for the image that explains the wire and whose patches resemble others.

    It minimizes the misfit that suits the defense plus minus the log-density of patches of 8x8 pixels, or of 6x6 in
    color, under a mixture of Gaussians. The mixture is fitted to the attacker's images once and kept for all cells. It
    suits images of 64 pixels and more, whose covariance as a whole needs more images than an attacker has. The search
    starts from the answer of the decoder of ``ridge_skip``. The weight of the prior is chosen on held-out images of the
    attacker. If no weight helps there, the result is that of the decoder.

    Example:
        ``mia-bench run --dataset photos:size=64 --attack map_patch``

    Source: Zoran & Weiss, ICCV 2011, "From learning models of natural image patches to whole image restoration"
    (EPLL); the start, the optimizer and the choice of the weight are ours.
    """

    access: ClassVar[Access] = Access.WHITE_BOX

    def divide(self, queries: Queries) -> Sequence[Fold]:
        """Divide the attacker's images in the same way in every cell, so that mixtures are fitted once."""
        return divided_by_content(queries, divide_into_folds)

    def prior(self, start: Start) -> Priors:
        """Fit the mixtures, or read them from the disk."""
        return like_patches(start)
