"""Fine-tuning of the server of a split model, and the step counts that all defenses share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from torch import Tensor, nn

from ..errors import Inapplicable
from ..interfaces import ImageSet, SplitModel
from .features import frozen_features
from .loop import fit, plan

BATCH_IMAGES = 128

MIN_STEPS_PER_EPOCH = 100
"""Least steps of an epoch if there are few images. A training has one or two epochs by default."""

EPOCHS_HELP = f"passes over the victim's training images, of at least {MIN_STEPS_PER_EPOCH} steps each"
"""Description of parameters such as ``tuning_epochs``."""

LEARNING_RATE = 1e-3


def fit_batches(
    parameters: Iterable[nn.Parameter],
    loss: Callable[[Tensor], Tensor],
    *,
    images: int,
    epochs: int,
    learning_rate: float = LEARNING_RATE,
) -> None:
    """Minimize a loss in place, with the batch size and the least number of steps that all defenses use.

    Args:
        parameters: Parameters to train.
        loss: Maps the positions (B,) of a batch of images to a scalar.
        images: Number of training images.
        epochs: Passes over the images.
        learning_rate: Peak learning rate.
    """
    fit(
        parameters,
        loss,
        count=images,
        epochs=epochs,
        batch_size=BATCH_IMAGES,
        learning_rate=learning_rate,
        least=MIN_STEPS_PER_EPOCH,
    )


def tune_server(model: SplitModel, train: ImageSet, *, epochs: int) -> None:
    """Fine-tune the server in place, with fresh noise of the channels. The client does not change.

    Args:
        model: A copy that may be changed.
        train: Training images and labels of the victim.
        epochs: Passes over the images.

    Raises:
        Inapplicable: If the server has no weights.
    """

    def encode(images: Tensor) -> Tensor:
        return model.client(model.input_channel(images))

    tune(
        nn.Sequential(model.ir_channel, model.server),
        encode,
        train,
        epochs=epochs,
        fresh=model.input_channel.stochastic,
    )


def tune(
    head: nn.Sequential, encode: Callable[[Tensor], Tensor], train: ImageSet, *, epochs: int, fresh: bool = False
) -> None:
    """Fine-tune ``head`` in place to classify the output of ``encode``.

    Args:
        head: Maps encoded images to logits (N, classes).
        encode: Maps images (N, C, H, W) to the input of the head. It is not trained.
        train: Training images and labels of the victim.
        epochs: Passes over the images.
        fresh: Encode the images again in each epoch, because ``encode`` is random.

    Raises:
        Inapplicable: If the head has no weights.
    """
    if not any(True for _ in head.parameters()):
        raise Inapplicable("The server has no layers with weights to fine-tune. Choose an earlier split.")
    encoded = frozen_encoder(encode, train.images, cache=not fresh)

    def loss(batch: Tensor) -> Tensor:
        return train.loss(head(encoded(batch)), batch)

    with trainable(head):
        fit_batches(head.parameters(), loss, images=len(train), epochs=epochs)


def frozen_encoder(encode: Callable[[Tensor], Tensor], images: Tensor, *, cache: bool) -> Callable[[Tensor], Tensor]:
    """Return a function that maps positions (B,) to encoded images (B, ...) without gradients.

    Args:
        encode: Maps images (B, C, H, W) to encoded images.
        images: All images, (N, C, H, W).
        cache: Encode all images once, if the result is not too large for memory.
    """
    return frozen_features(encode, images, cache=cache, batch_images=BATCH_IMAGES)


@contextmanager
def trainable(head: nn.Module) -> Iterator[None]:
    """Make a module trainable inside the block, and restore its modes and frozen weights afterwards."""
    modes = [(part, part.training) for part in head.modules()]
    weights = [(weight, weight.requires_grad) for weight in head.parameters()]
    head.train().requires_grad_(True)
    try:
        yield
    finally:
        for part, mode in modes:
            part.training = mode
        for weight, required in weights:
            weight.requires_grad_(required).grad = None


def num_steps(train: ImageSet, epochs: int) -> int:
    """Return how many steps a training of so many epochs makes, each with one batch."""
    return plan(len(train), epochs=epochs, batch_size=BATCH_IMAGES, least=MIN_STEPS_PER_EPOCH).steps
