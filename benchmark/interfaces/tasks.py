"""What a network is for, and the loss that trains it for that."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from ..errors import Inapplicable
from ..task_names import Task

NO_LABELS = (
    "Expected labels to train with, got images without labels. Choose a component that needs none, or give labeled "
    "images."
)


def mean_loss(task: Task, outputs: Tensor, labels: Tensor, scale: Tensor) -> Tensor:
    """Return the mean loss of outputs, a differentiable scalar.

    It is the cross-entropy for classification, the mean binary cross-entropy of each label for multi-label tasks, and
    the mean squared error in units of ``scale`` for regression.

    Args:
        task: What the network is for.
        outputs: What the network gives for a batch: logits (B, classes), logits (B, labels) or numbers (B, numbers).
        labels: What it should give: (B,) int64, (B, labels) of 0 and 1, or (B, numbers).
        scale: The standard deviation of each number, (numbers,). It is used for regression only.

    Raises:
        Inapplicable: If the images have no labels.

    Example:
        >>> mean_loss("regression", torch.tensor([[3.0]]), torch.tensor([[1.0]]), torch.tensor([2.0]))
        tensor(1.)
    """
    if task == "unlabeled":
        raise Inapplicable(NO_LABELS)
    if task == "classification":
        return functional.cross_entropy(outputs, labels)
    if task == "multi-label":
        return functional.binary_cross_entropy_with_logits(outputs, labels)
    return ((outputs - labels) / scale).square().mean()


def imitation_loss(outputs: Tensor, expected: Tensor, *, classes: bool) -> Tensor:
    """Return how far outputs are from those of another network, a differentiable scalar.

    Args:
        outputs: What a network gives for a batch, (B, ...).
        expected: What another network gives for the same images, (B, ...).
        classes: Whether the outputs are logits (B, classes). Then the loss is the cross-entropy with the other
            network's probabilities, otherwise the mean squared distance relative to the other network's outputs.

    Source: Hinton, Vinyals, Dean 2015, "Distilling the knowledge in a neural network", for classes.
    """
    if classes:
        return functional.cross_entropy(outputs, expected.softmax(1))
    distance = (outputs - expected).flatten(1).square().sum(1)
    return (distance / expected.flatten(1).square().sum(1).clamp(min=torch.finfo(expected.dtype).tiny)).mean()
