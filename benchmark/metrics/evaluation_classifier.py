"""A small classifier that tests whether a reconstruction still shows the class of its original.

Source: the accuracy of an evaluation classifier as in Zhang et al., CVPR 2020, "The secret revealer" (GMI).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..interfaces import ImageSet
from ..training import MIN_STEPS, fit

RECIPE = {"version": 2, "images": 20_000, "seen": 40_000, "most_epochs": 15, "batch_size": 128}
"""Training recipe. ``images``: most images; ``seen``: images seen over all epochs; ``most_epochs``: most epochs.

Training makes at least ``MIN_STEPS`` steps. It takes 4 s of one core on MNIST, where the accuracy is 0.96, and 5 s on
photos, where it is 0.79 (measured).
"""
CLASSIFIER_BATCH_IMAGES = 100
"""Images that are classified at once, so that large images fit into memory."""


class EvaluationClassifier(nn.Module):
    """Two strided convolutions and a linear layer, which differ from all attacked architectures.

    Example:
        >>> EvaluationClassifier(channels=3, classes=10)(torch.zeros(2, 3, 32, 32)).shape
        torch.Size([2, 10])
    """

    def __init__(self, channels: int, classes: int) -> None:
        """Build the untrained classifier for images with ``channels`` channels."""
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(channels, 16, 5, stride=2, padding=2),
            nn.ReLU(),
            nn.Conv2d(16, 32, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(5),
            nn.Flatten(),
            nn.Linear(32 * 25, classes),
        )

    def forward(self, images: Tensor) -> Tensor:
        """Classify images (N, C, H, W) in [0, 1] into logits (N, classes)."""
        return self.layers(2 * images - 1)


def train_evaluator(evaluator: EvaluationClassifier, train: ImageSet) -> None:
    """Train an evaluation classifier in place, on the training images of the victim."""
    chosen = torch.randperm(len(train))[: RECIPE["images"]].to(train.labels.device)
    data = train[chosen]

    def loss(batch: Tensor) -> Tensor:
        return functional.cross_entropy(evaluator(data.images[batch]), data.labels[batch])

    epochs = min(RECIPE["seen"] // len(data), RECIPE["most_epochs"])
    fit(
        evaluator.parameters(),
        loss,
        count=len(data),
        epochs=epochs,
        batch_size=RECIPE["batch_size"],
        learning_rate=5e-3,
        least=math.ceil(MIN_STEPS / epochs),
    )


@torch.no_grad()
def classify(evaluator: nn.Module, images: Tensor) -> Tensor:
    """Return logits (N, classes) for images (N, C, H, W) in [0, 1]."""
    return torch.cat([evaluator(chunk) for chunk in images.split(CLASSIFIER_BATCH_IMAGES)])


def agreement(evaluator: nn.Module, rebuilt: Tensor, originals: Tensor) -> float:
    """Return the share of reconstructions (N, C, H, W) that the classifier labels as it labels their originals."""
    return (classify(evaluator, rebuilt).argmax(1) == classify(evaluator, originals).argmax(1)).double().mean().item()
