"""Clients made by an attacker who does not have the victim's."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..benchmark.interfaces import Observation
from ..benchmark.training import fit
from ._decoders.fitting import Standardize
from ._decoders.folds import divide_once
from ._decoders.queries import Queries
from ._limits import affordable, least_steps

BATCH = 64
LEARNING_RATE = 3e-3
PASS = 25
"""Steps of a pass at least, if there are few images, which by default makes 200 in all."""
STEPS = 1000
"""Batches of a shadow that is trained through the server, at most, where nothing else is asked for."""
NARROWEST = 16
"""Channels of a shadow's earlier layers, at least."""
FEWEST = 8
"""Recorded wires below which their mean and spread say too little to be imitated."""


def best_shadow(
    build: Callable[[], nn.Module],
    seen: Observation,
    wire: Tensor,
    *,
    restarts: int,
    moments: float,
    epochs: int,
    steps: int | None,
) -> nn.Module:
    """Train shadow clients through the channel and the frozen server; the one with the lowest loss.

    Where a network is expensive and ``steps`` is None, only as many are trained as are affordable, at least one. The
    loss tells: over nine shadows at MNIST conv1 the lowest of three had the highest PSNR or nearly.

    Args:
        build: makes an untrained client, which maps images (N, C, H, W) to IRs like the victim's.
        seen: the server, the channel, and the attacker's labelled images.
        wire: what was recorded, (N, ...).
        restarts: shadows to train at most.
        moments: weight of the difference in mean and spread from the recorded wires.
        epochs: passes over the attacker's images at most.
        steps: batches at most; None: ``STEPS``, or as many as are affordable.
    """
    assert seen.server is not None
    server = copy.deepcopy(seen.server).requires_grad_(False).eval()
    images, labels = seen.aux.images, seen.aux.labels
    first = build()
    most = (steps or STEPS) * BATCH
    if steps is None:
        allowed = affordable(lambda few: server(first(few)), images[:2])
        most, restarts = min(most, allowed), max(1, min(restarts, allowed // most))
    mean, spread = (moment.to(wire.dtype) for moment in _moments(wire.double()))  # whatever the order of the wires
    unit = spread.square().mean().clamp(min=1e-12)

    def loss(client: nn.Module, batch: Tensor) -> Tensor:
        sent = seen.channel(client(images[batch]))
        total = functional.cross_entropy(server(sent), labels[batch])
        if moments and len(wire) >= FEWEST:
            sent_mean, sent_spread = _moments(sent)
            gap = (sent_mean - mean).square().mean() + (sent_spread - spread).square().mean()
            total = total + moments * gap / unit
        return total

    fold = divide_once(len(images))
    judges = torch.cat([fold.tune, fold.judge]).to(images.device)
    fitted = (torch.arange(len(images)) if restarts == 1 else fold.fit).to(images.device)
    shadows: list[tuple[float, nn.Module]] = []
    for index in range(restarts):
        client = build() if index else first
        client.train()

        def fitting(batch: Tensor, client: nn.Module = client) -> Tensor:
            return loss(client, fitted[batch])

        _train(client, fitting, images=min(len(fitted), most), most=most, epochs=epochs)
        client.eval()
        if restarts == 1:
            return client
        with torch.no_grad():
            shadows.append((loss(client, judges).item(), client))
    return min(shadows, key=lambda each: each[0])[1]


def _train(client: nn.Module, loss: Callable[[Tensor], Tensor], *, images: int, most: int, epochs: int) -> None:
    """Minimize a loss over ``images`` images in at most ``epochs`` passes and ``most`` samples."""
    passes = max(1, min(epochs, most // images))
    fit(
        client.parameters(),
        loss,
        count=images,
        epochs=passes,
        batch_size=BATCH,
        learning_rate=LEARNING_RATE,
        least=least_steps(PASS, passes=passes, most=most // BATCH, allowed=most),
    )


def imitate(client: nn.Module, queries: Queries, *, epochs: int, steps: int) -> nn.Module:
    """Train a shadow client to send what the victim's sends.

    Args:
        client: maps images (N, C, H, W) to values shaped like IRs; trained in place.
        queries: images and their wires as the channel reads them, (K, ...).
        epochs: passes over the queries at most.
        steps: batches at most.

    Returns:
        The shadow, brought to the scale of the IRs.
    """
    sample = queries.sample()
    scale = Standardize(sample)
    client.to(sample.device)
    most = min(steps * BATCH, affordable(client, queries.images[:2]))
    count = min(queries.trainable, most)

    def loss(batch: Tensor) -> Tensor:
        return functional.mse_loss(client(queries.images[batch]), scale(queries.wires(batch)))

    _train(client, loss, images=count, most=most, epochs=epochs)
    return nn.Sequential(client, Unscale(scale)).eval()


class Unscale(nn.Module):
    """Undoes a standardization."""

    def __init__(self, scale: Standardize) -> None:
        """Take the standardization that is undone."""
        super().__init__()
        self.scale = scale

    def forward(self, values: Tensor) -> Tensor:
        """Bring values (N, ...) back to the scale of the IRs."""
        return values * self.scale.scale + self.scale.mean


def generic_client(image: tuple[int, int, int], value: tuple[int, ...]) -> nn.Module:
    """A client of 3x3 convolutions in pairs, for images (C, H, W) and IRs of shape ``value``.

    Convolutions have no padding where the IR's size then comes out right, as behind LeNet-5's; else they keep the size.

    Source: He, Zhang, Lee, ACSAC 2019, Table 5: two 3x3 convolutions where the target has one of 5x5, and a narrow
    one before the widest.
    """
    if len(value) == 3:
        unpadded = _spatial_client(image, value, padding=0)
        fits = unpadded is not None and _output(unpadded, image) == value[1:]
        client = unpadded if fits else _spatial_client(image, value, padding=1)
        assert client is not None
        return nn.Sequential(*client, nn.AdaptiveAvgPool2d(value[1:]))
    channels, height, width = image
    layers: list[nn.Module] = []
    while min(height, width) > 7:
        layers += [*_pair(channels, NARROWEST), nn.MaxPool2d(2)]
        channels, height, width = NARROWEST, height // 2, width // 2
    layers += [*_pair(channels, NARROWEST), nn.Flatten(), nn.Linear(NARROWEST * height * width, math.prod(value))]
    return nn.Sequential(*layers)


def _spatial_client(image: tuple[int, int, int], value: tuple[int, ...], *, padding: int) -> nn.Sequential | None:
    """Pairs of convolutions with pooling between them; None if too little is left of the image."""
    channels, height, width = image
    narrow = max(NARROWEST, value[0] // 4)
    shrink = 4 * (1 - padding)
    layers: list[nn.Module] = []
    while height >= 2 * value[1] and width >= 2 * value[2]:
        layers += [*_pair(channels, narrow, padding=padding), nn.MaxPool2d(2)]
        channels, height, width = narrow, (height - shrink) // 2, (width - shrink) // 2
    layers += _pair(channels, narrow, value[0], padding=padding)[:-1]
    return nn.Sequential(*layers) if min(height, width) > shrink else None


def _output(client: nn.Module, image: tuple[int, int, int]) -> tuple[int, ...]:
    with torch.no_grad():
        return tuple(client(torch.zeros(1, *image)).shape[2:])


def _pair(inputs: int, inner: int, outputs: int | None = None, *, padding: int = 1) -> list[nn.Module]:
    outputs = outputs or inner
    first, second = nn.Conv2d(inputs, inner, 3, padding=padding), nn.Conv2d(inner, outputs, 3, padding=padding)
    return [first, nn.ReLU(), second, nn.ReLU()]


def _moments(wires: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of each number of a wire over images, (...)."""
    return wires.mean(0), (wires.var(0, correction=0) + 1e-8).sqrt()
