"""The recipe by which targets are trained."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..interfaces import ImageSet, Target, Training
from .augmentation import augment
from .loop import fit
from .normalization import add_biases, fold_normalization, normalize_convolutions

RECIPE_VERSION = 2
"""The version of the recipe. Raise it whenever targets come out differently."""
MIN_STEPS = 200
"""The default of the least number of steps of a training, even with few images.

Measured with 60 to 300 images (MNIST, CIFAR-10): after this many steps targets and decoders hardly improve, and
decoders are better than the best linear one. With 2,000 steps some get worse, since they overfit.
"""


def train_target(model: nn.Module, data: ImageSet, training: Training) -> None:
    """Train a classifier in place, from images in [0, 1] to labels.

    Convolutions are batch-normalized during training, and the normalization is folded into them at the end. This
    reaches the same accuracy in half the steps. The architecture does not change, except for ``add_biases``.

    Args:
        model: An untrained network that takes images (N, C, H, W).
        data: The victim's training images.
        training: The epochs and the augmentation.
    """
    add_biases(model)
    normalize_convolutions(model)
    model.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    model.train()

    def loss(batch: Tensor) -> Tensor:
        images = augment(data.images[batch], training).contiguous(memory_format=torch.channels_last)
        return functional.cross_entropy(model(images), data.labels[batch])

    fit(
        model.parameters(),
        loss,
        count=len(data),
        epochs=training.epochs,
        batch_size=128,
        learning_rate=0.1,
        weight_decay=5e-4,
        optimizer="sgd",
        least=math.ceil(MIN_STEPS / training.epochs),
    )
    model.eval()
    fold_normalization(model)
    model.to(memory_format=torch.contiguous_format)  # pyright: ignore[reportCallIssue]


def train_head(target: Target, data: ImageSet, training: Training) -> None:
    """Train the last fully connected layer or convolution of a classifier in place, and nothing else.

    Args:
        target: A network with trained weights, whose last layer is new.
        data: The victim's training images.
        training: The epochs. Images are not augmented.
    """
    layers = list(target.eval().layers.children())
    place = max(position for position, layer in enumerate(layers) if _heads(layer))
    head, body, tail = _heads(layers[place])[-1], nn.Sequential(*layers[:place]), nn.Sequential(*layers[place:])
    with torch.no_grad():
        parts = torch.arange(len(data), device=data.labels.device).split(64)
        features = torch.cat([body(target.normalize(data.images[part])) for part in parts])

    def loss(batch: Tensor) -> Tensor:
        return functional.cross_entropy(tail(features[batch]), data.labels[batch])

    target.requires_grad_(False)
    head.requires_grad_(True)
    fit(
        head.parameters(),
        loss,
        count=len(data),
        epochs=training.epochs,
        batch_size=128,
        learning_rate=0.01,
        least=math.ceil(MIN_STEPS / training.epochs),
    )


def _heads(layer: nn.Module) -> list[nn.Module]:
    return [part for part in layer.modules() if isinstance(part, nn.Linear | nn.Conv2d)]
