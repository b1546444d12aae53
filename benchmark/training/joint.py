"""Training of client, server and channels together, by which a defense changes what the client sends."""

from __future__ import annotations

import logging
from collections.abc import Callable

import torch
from torch import Tensor

from ..errors import Inapplicable
from ..interfaces import ImageSet, SplitModel
from .tuning import LEARNING_RATE, fit_batches, trainable

logger = logging.getLogger(__name__)
CURVE_POINTS = 10
"""Means into which the log condenses the losses of a training."""

JointLoss = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]
"""Maps images (B, C, H, W), labels (B, ...), clean IRs (B, ...) and logits (B, ...) to a scalar."""


def train_jointly(
    model: SplitModel,
    train: ImageSet,
    loss: JointLoss,
    *,
    epochs: int,
    task_loss: bool = True,
    learning_rate: float = LEARNING_RATE,
) -> None:
    """Continue the training of client, server and channels in place, with the loss of a defense.

    The loss of the task is added to what ``loss`` returns, so a defense states only its own term and works for every
    task, even without labels. At the end, the mean losses of tenths of the training are logged.

    Args:
        model: A copy that may be changed. Its modes and frozen weights are restored afterwards.
        train: Training images and labels of the victim.
        loss: A function of a batch that returns a scalar, the mean over the batch. It is given the images (B, C, H, W)
            after the input channel, their labels (B, ...), the clean IRs (B, ...) before the IR channel, and the logits
            (B, outputs) of the server after it.
        epochs: Passes over the images, of at least 100 steps each.
        task_loss: Whether to add the loss of the task. If not, ``loss`` is all that is minimized.
        learning_rate: Peak learning rate of the one-cycle schedule.

    Raises:
        Inapplicable: If the client has no weights.

    Example:
        >>> from torch import nn
        >>> client, server = nn.Sequential(nn.Flatten(), nn.Linear(64, 8)), nn.Sequential(nn.Linear(8, 2))
        >>> model = SplitModel(client=client, server=server)
        >>> train = ImageSet(torch.rand(64, 1, 8, 8), torch.arange(64) % 2)
        >>> before = model.send(train.images).tensor.square().mean()
        >>> train_jointly(model, train, lambda images, labels, ir, logits: ir.square().mean(), epochs=1)
        >>> bool(model.send(train.images).tensor.square().mean() < before)
        True
    """
    if not any(True for _ in model.client.parameters()):
        raise Inapplicable("The client has no layers with weights to train. Choose a later split.")
    losses: list[Tensor] = []

    def of_batch(batch: Tensor) -> Tensor:
        images = model.input_channel(train.images[batch])
        ir = model.client(images)
        logits = model.server(model.ir_channel(ir))
        of_task = train.loss(logits, batch) if task_loss else None
        total = loss(images, train.labels[batch], ir, logits)
        total = total if of_task is None else of_task + total
        losses.append(total.detach())
        return total

    network = model.modules()
    with trainable(network):
        fit_batches(network.parameters(), of_batch, images=len(train), epochs=epochs, learning_rate=learning_rate)
    if losses:
        logger.info("Loss of the training, mean of each tenth of its %d steps: %s.", len(losses), curve(losses))


def curve(losses: list[Tensor]) -> str:
    """Condense the losses of the steps of a training, scalars, to at most ten means in words.

    Example:
        >>> curve([torch.tensor(2.0), torch.tensor(0.5)])
        '2 0.5'
    """
    parts = torch.stack(losses).float().tensor_split(min(CURVE_POINTS, len(losses)))
    return " ".join(f"{part.mean().item():.3g}" for part in parts)
