"""Fine-tuning of what comes behind a frozen client."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..benchmark.errors import Inapplicable
from ..benchmark.interfaces import ImageSet, SplitModel
from ..benchmark.training import fit, plan

BATCH = 128

PASS = 100
"""Steps of a pass at least, if there are few images; a training makes one or two passes by default."""

PASSES = f"passes over the victim's training images, of {PASS} steps at least"
"""What ``tuning_epochs`` means."""

LEARNING_RATE = 1e-3

MOST_CACHED_BYTES = 1 << 30
"""IRs of the training images up to this size are computed once; larger ones anew in every pass."""


def tune_server(model: SplitModel, train: ImageSet, *, epochs: int) -> None:
    """Train the server in place, through the channels' fresh noise, with the client as it is.

    Raises:
        Inapplicable: if the server has no weights.
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
    """Train ``head`` in place to classify what ``encode`` makes of images.

    Args:
        head: maps encoded images to logits (N, classes).
        encode: maps images (N, C, H, W) to the head's input; is not trained.
        train: the victim's images and labels.
        epochs: passes over them.
        fresh: encode anew in every pass, because ``encode`` is random.

    Raises:
        Inapplicable: if the head has no weights.
    """
    if not any(True for _ in head.parameters()):
        raise Inapplicable("there is nothing to tune: no layer with weights is left on the server")
    encoded = frozen(encode, train.images, cache=not fresh)

    def loss(batch: Tensor) -> Tensor:
        return functional.cross_entropy(head(encoded(batch)), train.labels[batch])

    with trained(head):
        fit(
            head.parameters(),
            loss,
            count=len(train),
            epochs=epochs,
            batch_size=BATCH,
            learning_rate=LEARNING_RATE,
            least=PASS,
        )


def frozen(encode: Callable[[Tensor], Tensor], images: Tensor, *, cache: bool) -> Callable[[Tensor], Tensor]:
    """Map indices (B,) to encoded images (B, ...) without gradients, from a table where that is wanted and fits."""

    def encoded(batch: Tensor) -> Tensor:
        with torch.no_grad():
            return encode(images[batch])

    sample = encoded(torch.arange(1, device=images.device))
    if not cache or len(images) * sample.nbytes > MOST_CACHED_BYTES:
        return encoded
    table = torch.cat([encoded(batch) for batch in torch.arange(len(images), device=images.device).split(BATCH)])
    return lambda batch: table[batch]


@contextmanager
def trained(head: nn.Module) -> Iterator[None]:
    """Make a module trainable for a while; its modes and frozen weights are as before afterwards."""
    modes = [(part, part.training) for part in head.modules()]
    weights = [(weight, weight.requires_grad) for weight in head.parameters()]
    head.train().requires_grad_(True)
    try:
        yield
    finally:
        for part, mode in modes:
            part.training = mode
        for weight, trainable in weights:
            weight.requires_grad_(trainable).grad = None


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
