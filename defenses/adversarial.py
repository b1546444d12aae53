"""Adversarial training of the client against a decoder."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field
from torch import Tensor

from ..benchmark.interfaces import Defense, ImageSet, SplitModel
from ..benchmark.training import EPOCHS_HELP, train_jointly
from ._adversary import Adversary

Objective = Literal["variance", "information"]


class Adversarial(Defense):
    """Train the client so that a decoder, which is trained at the same time, fails to reconstruct the images.

    Training starts from the given weights of client and server. It minimizes the loss of the task plus
    ``adversary_weight`` times the share of the variance of the images that the decoder explains. This share is between
    0 and 1 and the decoder normalizes the IR, so the client cannot win by scaling the IR or by making the decoder worse
    than the mean image. A failure of this decoder proves little, since another decoder may succeed. It is therefore
    discarded, and the defense is scored by attacks that are trained anew. There is no guarantee. Recommended sweep of
    the weight: 0.1, 0.3, 1, 3.

    With ``objective=information``, the term is InfoScissors' estimate (CLUB) of the mutual information of image and IR:
    half the amount by which the decoder is nearer to the image than to a random other image of the batch, in units of
    the variance of the images. It would be an upper bound if images given an IR were Gaussian around the decoder's
    answer with that variance, which they are not.

    Example: ``mia-bench run --defense adversarial --adversary-weight 0.1,0.3,1,3``

    Source: Li, Rakin, Chen, He, Fan, Chakrabarti, CVPR 2022, "ResSFL", with explained variance in place of the SSIM.
    InfoScissors: Duan et al., NeurIPS 2024; the bound: Cheng et al., ICML 2020, "CLUB".
    """

    version: ClassVar[int] = 3
    added: ClassVar[frozenset[str]] = frozenset({"objective"})
    guarantee: ClassVar[str] = "none"

    adversary_weight: float = Field(1.0, ge=0, description="weight of the term of the decoder")
    objective: Objective = Field(
        "variance",
        description="term to minimize: the variance that the decoder explains, or an estimate of information",
    )
    tuning_epochs: int = Field(2, ge=1, description=EPOCHS_HELP)

    def protect(self, model: SplitModel, train: ImageSet) -> SplitModel:
        """Return a copy of the model, trained against a decoder.

        Raises:
            Inapplicable: If the client has no weights.
        """
        return train_against_decoder(
            model, train, weight=self.adversary_weight, epochs=self.tuning_epochs, objective=self.objective
        )[0]


def train_against_decoder(
    model: SplitModel, train: ImageSet, *, weight: float, epochs: int, objective: Objective = "variance"
) -> tuple[SplitModel, Adversary]:
    """Train a copy of the model against a decoder. Return the copy and the decoder.

    Args:
        model: The model to protect. It is not changed.
        train: Training images of the victim.
        weight: Weight of the term.
        epochs: Passes over the training images.
        objective: The term to minimize.
    """
    protected = model.copy()
    adversary = Adversary(protected, train)

    def penalty(images: Tensor, _labels: Tensor, ir: Tensor, _logits: Tensor) -> Tensor:
        adversary.step(images, ir)
        term = adversary.success if objective == "variance" else adversary.information
        return weight * term(images, ir)

    train_jointly(protected, train, penalty, epochs=epochs)
    return protected, adversary
