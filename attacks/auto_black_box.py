"""The decoders that represent the strongest known attacker who has queries and no weights."""

from typing import ClassVar

from ..benchmark.interfaces import Access, Attack, Observation, Reconstruction
from ._decoders.fitting import DecoderRecipe
from ._ensemble import ensemble


class AutoBlackBox(Attack):
    """Train the decoders of ``auto``, and return the result of the one that does best on held-out images.

    They are ``ridge``, ``ridge_skip``, and tables of what single cells of the wire stand for, if these come again and
    again, as embeddings of tokens do (``lookup``, ``lookup_value``). For maps of images of less than 64x64 pixels,
    ``ridge_skip`` has twice the channels, learns for longer and, with few images, from more copies. It is what ``auto``
    does without the client's weights: the member with the highest mean PSNR on held-out images is selected, perhaps
    another one by its SSIM, and the record shows all of them. There are no parameters, so that results of different
    users can be compared.

    Example:
        ``mia-bench run --attack auto_black_box --defense dp_ir --sigma 0.1``

    Source: ours, after Croce & Hein, ICML 2020, "Reliable evaluation ... with an ensemble" (AutoAttack).
    """

    version: ClassVar[int] = 1
    access: ClassVar[Access] = Access.BLACK_BOX
    standard: ClassVar[bool] = False

    def reconstruct(self, seen: Observation) -> Reconstruction:
        """Train the decoders and return the images (N, C, H, W) of the selected one, and those of each."""
        return ensemble(seen, DecoderRecipe(), thorough=True)
