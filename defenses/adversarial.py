"""A client that has trained against a decoder."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field
from torch import Tensor

from ..benchmark.interfaces import Defense, ImageSet, SplitModel
from ._adversary import Adversary
from ._fine_tuning import PASSES, train_jointly


class Adversarial(Defense):
    """Trains the client so that a decoder, which is trained in turn, fails to rebuild the images.

    Client and server are trained on from the given weights, to a low cross-entropy plus ``adversary_weight`` times
    the share of the images' variance that the decoder explains. That share is between 0 and 1 and the decoder
    normalizes the IR, so the client cannot win by blowing up the IR or by making the decoder worse than blind. The
    decoder's own failure says little, since the client may only have left what this one decoder can do; so it is
    thrown away, and the defense is scored by attackers that are trained afresh. Nothing is promised. Swept over 0.1,
    0.3, 1 and 3.

    Source: Li, Rakin, Chen, He, Fan, Chakrabarti, CVPR 2022, "ResSFL", with explained variance in place of the SSIM.
    """

    version: ClassVar[int] = 2
    guarantee: ClassVar[str] = "none"

    adversary_weight: float = Field(1.0, ge=0, description="weight of the decoder's success")
    tuning_epochs: int = Field(2, ge=1, description=PASSES)

    def protect(self, model: SplitModel, train: ImageSet) -> SplitModel:
        """Train a copy.

        Raises:
            Inapplicable: if the client has no weights.
        """
        return train_against_decoder(model, train, weight=self.adversary_weight, epochs=self.tuning_epochs)[0]


def train_against_decoder(
    model: SplitModel, train: ImageSet, *, weight: float, epochs: int
) -> tuple[SplitModel, Adversary]:
    """A copy of the model, trained against a decoder, and that decoder."""
    protected = model.copy()
    adversary = Adversary(protected, train)

    def penalty(images: Tensor, ir: Tensor) -> Tensor:
        adversary.step(images, ir)
        return weight * adversary.success(images, ir)

    train_jointly(protected, train, penalty, epochs=epochs)
    return protected, adversary
