"""A small classifier of the harness's own, to see whether a reconstruction still shows the same thing."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from .interfaces import ImageSet
from .training import fit

RECIPE = {"version": 1, "images": 20_000, "epochs": 2, "batch_size": 128}
"""Seconds of training: 0.96 on MNIST, which is enough to compare an image with its reconstruction."""


class Evaluator(nn.Module):
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


def train_evaluator(evaluator: Evaluator, train: ImageSet) -> None:
    """Train it in place, on images of the victim."""
    chosen = torch.randperm(len(train))[: int(RECIPE["images"])].to(train.labels.device)
    data = train[chosen]

    def loss(batch: Tensor) -> Tensor:
        return functional.cross_entropy(evaluator(data.images[batch]), data.labels[batch])

    fit(
        evaluator.parameters(),
        loss,
        count=len(data),
        epochs=RECIPE["epochs"],
        batch_size=RECIPE["batch_size"],
        learning_rate=5e-3,
    )


@torch.no_grad()
def agreement(evaluator: nn.Module, rebuilt: Tensor, originals: Tensor) -> float:
    """Share of reconstructions (N, C, H, W) to which the evaluator gives the label that it gives the original."""
    return (evaluator(rebuilt).argmax(1) == evaluator(originals).argmax(1)).double().mean().item()
