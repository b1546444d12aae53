"""Training of client and server together."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor
from torch.nn import functional

from ..benchmark.errors import Inapplicable
from ..benchmark.interfaces import ImageSet, SplitModel
from ..benchmark.training import fit, plan
from ._fine_tuning import BATCH, LEARNING_RATE, PASS, trained

Penalty = Callable[[Tensor, Tensor], Tensor]


def train_jointly(model: SplitModel, train: ImageSet, penalty: Penalty, *, epochs: int) -> None:
    """Go on training the whole network in place, its channels too, so that it classifies well and pays little penalty.

    Args:
        model: a copy that may be changed; modes and frozen weights are as before afterwards.
        train: the victim's images and labels.
        penalty: maps images (B, C, H, W) and their clean IRs (B, ...) to what is added to the mean cross-entropy.
        epochs: passes over the images.

    Raises:
        Inapplicable: if the client has no weights.
    """
    if not any(True for _ in model.client.parameters()):
        raise Inapplicable("there is nothing to train: no layer with weights is on the client")

    def loss(batch: Tensor) -> Tensor:
        images = model.input_channel(train.images[batch])
        ir = model.client(images)
        answers = model.server(model.ir_channel(ir))
        return functional.cross_entropy(answers, train.labels[batch]) + penalty(images, ir)

    whole = model.modules()
    with trained(whole):
        fit(
            whole.parameters(),
            loss,
            count=len(train),
            epochs=epochs,
            batch_size=BATCH,
            learning_rate=LEARNING_RATE,
            least=PASS,
        )


def steps(train: ImageSet, epochs: int) -> int:
    """How often ``train_jointly`` calls the penalty."""
    return plan(len(train), epochs=epochs, batch_size=BATCH, least=PASS).steps
