"""A small classifier of the harness's own, to see whether a reconstruction still shows the same thing."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..interfaces import ImageSet
from ..training import MIN_STEPS, fit

RECIPE = {"version": 2, "images": 20_000, "seen": 40_000, "most_epochs": 15, "batch_size": 128}
"""At most so many images, and epochs until so many have been seen, in as many steps as any training makes at least:
4 s of one core on MNIST, where its accuracy is 0.96, and 5 s on photos, with 0.79."""
CHUNK = 100
"""Images in one pass, so that large ones fit into memory."""


class EvaluationClassifier(nn.Module):
    """Two strided convolutions and a linear layer: none of the attacked architectures, and trained on its own."""

    def __init__(self, channels: int, classes: int) -> None:
        """Build it untrained, for images with that many channels."""
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
    """Train it in place, on images of the victim."""
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
    """Logits (N, classes) for images (N, C, H, W)."""
    return torch.cat([evaluator(chunk) for chunk in images.split(CHUNK)])


def agreement(evaluator: nn.Module, rebuilt: Tensor, originals: Tensor) -> float:
    """Share of reconstructions (N, C, H, W) to which the evaluator gives the label that it gives the original."""
    return (classify(evaluator, rebuilt).argmax(1) == classify(evaluator, originals).argmax(1)).double().mean().item()
