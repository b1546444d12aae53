"""A network that corrects the answers of a search, learned from its answers to the attacker's own wires."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import torch
from torch import Tensor, nn

from ...benchmark.training import fit
from .._decoders.fitting import Decoders, log_error
from .._decoders.layers import correcting_layers
from .._limits import affordable_searches
from .start import Start
from .tuning import SearchSetting

CHANNELS = 32
"""Channels of the hidden layers. 64, a fourth hidden layer, or layers that see farther gave no more."""
EPOCHS = 40
"""Passes over the examples. With 100 and 200 and few examples, the network remembers them (-0.3 and -1 dB)."""
BATCH_PIXELS = 2**12
"""Pixels of a batch: four images of 32x32."""
LEARNING_RATE = 1e-3
"""The peak of the cycle. Where nearly exact images are corrected by few examples, 2e-3 costs up to 0.5 dB."""
MAX_PIXELS = 2**18
"""Pixels of all examples: 256 images of 32x32."""
MAX_MACS = 5e12
"""Multiply-accumulate operations spent on the search for examples, about 70 seconds of one core. Behind relu22 of the
CIFAR-10 network these are 57 images; the gain with 32, 64 and 192 is 0.4, 0.6 and 0.7 dB."""
MIN_EXAMPLES = 8
"""Examples that are searched whatever they cost."""


class Search(Protocol):
    """A search with chosen settings."""

    @property
    def client(self) -> nn.Module:
        """Return the client, which maps images to clean IRs."""
        ...

    @property
    def setting(self) -> SearchSetting:
        """Return the weight of the prior, and how many steps are made."""
        ...

    def rebuild(self, wires: Sequence[Tensor]) -> list[Tensor]:
        """Search for the images (n, C, H, W) of wires (n, ...) that each fold judges on, and of private ones."""
        ...

    def rebuild_held_out(self, wires: Sequence[Tensor]) -> list[Tensor]:
        """Search for the images (n, C, H, W) of wires (n, ...) that each fold holds out, of which it knows nothing."""
        ...


class Correction(nn.Module):
    """Adds to an image that a search found what its surroundings tell about the error of each pixel.

    A search answers with the most likely image under a simple prior. The image with the least expected error is another
    one, the more so the more the wire leaves open, and images are not as the prior says.
    """

    def __init__(self, channels: int) -> None:
        """Build for images with a number of channels. At first it changes nothing."""
        super().__init__()
        self.layers = correcting_layers(channels, CHANNELS, channels)

    def forward(self, images: Tensor) -> Tensor:
        """Correct images (N, C, H, W); the result is not yet clamped."""
        return images + self.layers(images - 0.5)


def fit_correction(start: Start, search: Search) -> Decoders:
    """Train a correction of a search on as many examples as are affordable.

    Args:
        start: The queries, divided.
        search: The search, for all folds.
    """
    count = examples(search.client, start.queries.parts[0].images[0], search.setting.iterations)
    return corrected(start, search.rebuild_held_out, count)


def corrected(start: Start, rebuild_held_out: Callable[[Sequence[Tensor]], list[Tensor]], count: int) -> Decoders:
    """Train a correction for each fold, on images that it does not judge on, and one for private images, on all.

    Args:
        start: The queries, divided.
        rebuild_held_out: Rebuilds images (n, C, H, W) from wires (n, ...) that each fold holds out.
        count: How many of them are examples, at most.
    """
    parts = start.queries.parts
    share = -(-count // len(parts))
    index = [(part.held_out if len(parts) > 1 else part.tune)[:share] for part in parts]
    found = rebuild_held_out([part.wires(some) for part, some in zip(parts, index, strict=True)])
    pairs = [
        torch.stack([images, part.images[some]], 1)  # (n, 2, C, H, W)
        for images, part, some in zip(found, parts, index, strict=True)
    ]
    final = train_correction(torch.cat(pairs))
    if len(parts) == 1:
        return Decoders((final,), final)
    judged = []
    for number, (part, some) in enumerate(zip(parts, index, strict=True)):
        own = pairs[number][torch.isin(some, part.not_judged)]
        judged.append(train_correction(torch.cat([*pairs[:number], own, *pairs[number + 1 :]])))
    return Decoders(tuple(judged), final)


def examples(client: nn.Module, image: Tensor, iterations: int) -> int:
    """Return how many images like this one (C, H, W) are searched to learn from."""
    affordable = affordable_searches(client, image, iterations, macs=MAX_MACS)
    return max(MIN_EXAMPLES, min(MAX_PIXELS // image[0].numel(), affordable))


def train_correction(pairs: Tensor) -> Correction:
    """Train on images that a search found, each with the true one, (n, 2, C, H, W)."""
    found, truth = pairs.unbind(1)
    network = Correction(truth.shape[1])
    network.to(truth.device, memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    fit(
        network.parameters(),
        lambda batch: log_error(network(found[batch]), truth[batch]),
        count=len(truth),
        epochs=EPOCHS,
        batch_size=max(1, BATCH_PIXELS // truth[0, 0].numel()),
        learning_rate=LEARNING_RATE,
    )
    return network
