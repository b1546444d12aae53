"""Clients made by an attacker who has only the server and labelled images."""

from __future__ import annotations

import copy
import math

from torch import Tensor, nn
from torch.nn import functional

from ..benchmark.interfaces import Observation
from ..benchmark.training import fit

BATCH = 64
LEARNING_RATE = 3e-3
FEWEST = 8
"""Recorded wires below which their mean and spread say too little to be imitated."""


def train_shadow(
    client: nn.Module, seen: Observation, wire: Tensor, *, moments: float, epochs: int, steps: int
) -> None:
    """Train a shadow client in place, through the channel and the frozen server.

    Args:
        client: maps images (N, C, H, W) to IRs like the victim's.
        seen: the server, the channel, and the attacker's labelled images.
        wire: what was recorded, (N, ...).
        moments: weight of the difference in mean and spread from the recorded wires.
        epochs: passes over the attacker's images at most.
        steps: batches at most.
    """
    assert seen.server is not None
    server = copy.deepcopy(seen.server).requires_grad_(False).eval()
    images, labels = seen.aux.images, seen.aux.labels
    count = min(len(images), steps * BATCH)
    mean, spread = _moments(wire)
    unit = spread.square().mean().clamp(min=1e-12)

    def loss(batch: Tensor) -> Tensor:
        sent = seen.channel(client(images[batch]))
        total = functional.cross_entropy(server(sent), labels[batch])
        if moments and len(wire) >= FEWEST:
            sent_mean, sent_spread = _moments(sent)
            gap = (sent_mean - mean).square().mean() + (sent_spread - spread).square().mean()
            total = total + moments * gap / unit
        return total

    client.train()
    fit(
        client.parameters(),
        loss,
        count=count,
        epochs=max(1, min(epochs, steps * BATCH // count)),
        batch_size=BATCH,
        learning_rate=LEARNING_RATE,
    )
    client.eval()


def generic_client(image: tuple[int, int, int], value: tuple[int, ...]) -> nn.Module:
    """A client of 3x3 convolutions in pairs, for images (C, H, W) and IRs of shape ``value``.

    Source: He, Zhang, Lee, ACSAC 2019, Table 5: two 3x3 convolutions where the target has one of 5x5.
    """
    channels, height, width = image
    layers: list[nn.Module] = []
    if len(value) != 3:
        while min(height, width) > 7:
            layers += [*_pair(channels, 16), nn.MaxPool2d(2)]
            channels, height, width = 16, height // 2, width // 2
        layers += [*_pair(channels, 16), nn.Flatten(), nn.Linear(16 * height * width, math.prod(value))]
        return nn.Sequential(*layers)
    while height >= 2 * value[1] and width >= 2 * value[2]:
        layers += [*_pair(channels, value[0]), nn.MaxPool2d(2)]
        channels, height, width = value[0], height // 2, width // 2
    layers += [*_pair(channels, value[0])[:-1], nn.AdaptiveAvgPool2d(value[1:])]
    return nn.Sequential(*layers)


def _pair(inputs: int, outputs: int) -> list[nn.Module]:
    first = nn.Conv2d(inputs, outputs, 3, padding=1)
    return [first, nn.ReLU(), nn.Conv2d(outputs, outputs, 3, padding=1), nn.ReLU()]


def _moments(wires: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of each number of a wire over images, (...)."""
    return wires.mean(0), (wires.var(0, correction=0) + 1e-8).sqrt()
