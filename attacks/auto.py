"""The ensemble that represents the strongest known attacker."""

from typing import ClassVar

from ..benchmark.interfaces import Access, Attack, Observation, Reconstruction
from ._decoders.fitting import DecoderRecipe
from ._ensemble import ensemble


class Auto(Attack):
    """Run two decoders and two or three searches, and return the result of the one that does best on held-out images.

    The members are the decoders ``ridge`` and ``ridge_skip``, and searches from the answer of the latter: ``search``,
    which is ``white_box`` from there, and ``map_pca`` or ``map_dec`` if one beats ``search`` on held-out images.
    The other members, such as ``search_corrected``, are searches that are not far behind the best one, corrected by a
    network that is trained on their errors on held-out images. If the defense adds published noise to the image, and
    the wire tells the noisy image, two more take part: a search without bounds finds the noisy image, ``denoised`` is
    what a decoder of noisy images makes of it, and ``denoised_corrected`` corrects that. With ``observations``, the
    noisy image of each wire is searched, and these are merged. The members are fixed and have no parameters, so that
    results of different users can be compared.
    One member is selected for the whole cell, by its PSNR on images of the attacker that it was neither fitted to nor
    tuned on, and one, often the same, by its SSIM on those. SSIM and ``recognisable`` are those of the latter. If there
    are fewer than 400, each image is held out in one of four folds (cross-fitting). The prior may be that of
    ``map_tv``, too, if there are fewer images than numbers in one of them, because their covariance is then unknown,
    and that of ``map_patch`` for images of at least 64x64 pixels. The record shows the selected member, the scores of
    all members, and the per-image best of them (``oracle``), which no attacker is certain to reach. If a defense
    publishes nothing about its channel, or the client gives no gradients, only ``ridge``, a larger ``ridge_skip`` and
    tables of what single cells of the wire stand for (``lookup``, ``lookup_value``) take part, as in
    ``auto_black_box``. If pixels have few values, as tokens do, a search changes single pixels as long as that explains
    the wire better (``search_values``).

    Example:
        ``mia-bench run --attack auto --defense dp_ir --sigma 0.1``

    Source: ours, after Croce & Hein, ICML 2020, "Reliable evaluation ... with an ensemble" (AutoAttack).
    """

    version: ClassVar[int] = 32
    access: ClassVar[Access] = Access.WHITE_BOX

    def reconstruct(self, seen: Observation) -> Reconstruction:
        """Run the members and return the images (N, C, H, W) of the selected one, and those of each."""
        return ensemble(seen, DecoderRecipe(), thorough=True)
