"""A client for an attacker who does not know the structure of the victim's."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal, TypeGuard

import torch
from torch import Tensor, nn

from ..benchmark.interfaces import Channel, CleanInput, Observation
from ..benchmark.utils.ir_layout import IrLayout
from ._inversion.rmle import ir_shape

Likeness = Literal["same", "different"]
"""Whether a substitute has the client's structure, or 3x3 convolutions."""
MIN_CHANNELS = 16
"""Channels of the earlier layers, at least."""


def substitutes(seen: Observation, wire: Tensor, likeness: Likeness) -> Callable[[], nn.Module]:
    """Return what builds untrained substitutes of the client, for an attacker who may not query it.

    Args:
        seen: The structure of the client.
        wire: Wires as the channel reads them, (N, ...).
        likeness: Whether the substitute has that structure.

    Raises:
        Inapplicable: If the wire does not have the shape of an IR.
    """
    assert seen.structure is not None
    structure, first = seen.structure, seen.structure().to(wire.device)
    shape = ir_shape(first, seen.aux.images.mean(0), wire)
    filters = [part for part in first.children() if isinstance(part, CleanInput)]

    def generic() -> nn.Module:
        layers = generic_client(seen.image_shape, shape)
        return nn.Sequential(*filters, layers) if filters else layers

    def build() -> nn.Module:
        client = structure() if likeness == "same" else generic()
        return behind_input_channel(seen, client).to(wire.device)

    return build


def behind_input_channel(seen: Observation, client: nn.Module) -> nn.Module:
    """Put a client behind the channel that changes images at random, if the defense publishes one."""
    return client if seen.input_channel is None else _BehindChannel(seen.input_channel, client)


def sent_by(client: nn.Module, images: Tensor) -> Tensor:
    """Return the IRs (N, ...) that a substitute sends for images (N, C, H, W), with fresh randomness before it."""
    return client.send(images) if is_random(client) else client(images)


def is_random(client: nn.Module) -> TypeGuard[_BehindChannel]:
    """Return whether a substitute is behind a channel that changes images at random."""
    return isinstance(client, _BehindChannel)


class _BehindChannel(nn.Module):
    """A client behind a random channel, of which only ``send`` uses the randomness."""

    def __init__(self, channel: Channel, client: nn.Module) -> None:
        super().__init__()
        self.before = CleanInput(channel)
        self.client = client

    def forward(self, images: Tensor) -> Tensor:
        """Map images (N, C, H, W) to IRs (N, ...) without randomness."""
        return self.client(self.before(images))

    def send(self, images: Tensor) -> Tensor:
        """Map images (N, C, H, W) to IRs (N, ...) with fresh randomness."""
        return self.client(self.before.channel(images))


def generic_client(image: tuple[int, int, int], value: tuple[int, ...]) -> nn.Module:
    """Build a client of 3x3 convolutions in pairs, for images (C, H, W) and IRs of shape ``value``.

    The convolutions have no padding if the IR then gets the right size, as with LeNet-5; otherwise they keep the size.

    Source: He, Zhang, Lee, ACSAC 2019, Table 5: two 3x3 convolutions where the target has one of 5x5, and a narrow
    one before the widest.
    """
    ir = IrLayout.of(value, image=image)
    if ir.spatial:
        maps = ir.maps
        unpadded = _spatial_client(image, maps, padding=0)
        fits = unpadded is not None and _output(unpadded, image) == maps[1:]
        client = unpadded if fits else _spatial_client(image, maps, padding=1)
        assert client is not None
        return nn.Sequential(*client, nn.AdaptiveAvgPool2d(maps[1:]), _FromMaps(ir))
    channels, height, width = image
    layers: list[nn.Module] = []
    while min(height, width) > 7:
        layers += [*_pair(channels, MIN_CHANNELS), nn.MaxPool2d(2)]
        channels, height, width = MIN_CHANNELS, height // 2, width // 2
    layers += [*_pair(channels, MIN_CHANNELS), nn.Flatten(), nn.Linear(MIN_CHANNELS * height * width, math.prod(value))]
    return nn.Sequential(*layers, nn.Unflatten(1, value))


class _FromMaps(nn.Module):
    """Bring maps to the layout of the IR."""

    def __init__(self, ir: IrLayout) -> None:
        super().__init__()
        self.ir = ir

    def forward(self, maps: Tensor) -> Tensor:
        """Turn maps (N, C, h, w) into IRs (N, ...)."""
        return self.ir.from_maps(maps)


def _spatial_client(image: tuple[int, int, int], value: tuple[int, ...], *, padding: int) -> nn.Sequential | None:
    """Build pairs of convolutions with pooling between them; return None if too little is left of the image."""
    channels, height, width = image
    narrow = max(MIN_CHANNELS, value[0] // 4)
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
