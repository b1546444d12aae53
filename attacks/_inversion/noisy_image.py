"""The search for the noisy images that entered the client, where a defense changes images at random."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from torch import Tensor, nn

from ...benchmark.interfaces import Channel, Observation, Wire
from .._decoders.folds import num_to_invert
from .._limits import affordable_iterations, affordable_searches
from .._units import TINY
from .distance import Distance
from .lbfgs import NO_BOUNDS, Minimization, finished
from .rmle import inverted_at_a_time
from .start import Start
from .tuning import NUM_PILOTS

MAX_ERROR = 0.25
"""Squared error of the noisy images that are found, as a share of that of the clean ones, up to which they are of use.
At conv1 and relu1 of LeNet-5 it is below 0.1; at pool1 and behind, where no wire tells the noisy image, above 1."""
EXPLAINED = 1e-6
"""Misfit, as a share of that of the guesses, with which a wire counts as explained."""
MIN_LOSS_DECREASE = 1e-2
"""Share by which the misfit, plus ``EXPLAINED``, of a noisy image falls in ten evaluations, or it has converged."""
MAX_MACS = 3e11
"""Multiply-accumulate operations spent on the wires of one image, of which at least one is searched. At relu12 of the
CIFAR-10 network these are 8 wires, which took a second of one core, since most searches converge early."""


@dataclass(frozen=True)
class NoisyImageSearch:
    """A search for what entered the layers of the client, which need not be an image in [0, 1].

    Attributes:
        layers: Map noisy images to clean IRs.
        distance: Misfit of clean IRs with wires.
        channel: Changes images at random.
        iterations: Evaluations of the loss and its gradient, at most.
    """

    layers: nn.Module
    distance: Distance
    channel: Channel
    iterations: int

    def find(self, wires: Tensor, images: Tensor) -> Tensor:
        """Return what explains wires (N, ...) best, (N, C, H, W), beginning at guesses of the images (N, C, H, W)."""
        return finished(self._searches(wires, self.channel.clean(images)), self.iterations)

    def find_each(self, wires: Tensor, images: Tensor) -> Tensor:
        """Return what explains each of R wires of the same images, (R, n, ...), best, (R, n, C, H, W)."""
        count = len(wires)
        return self.find(wires.flatten(0, 1), torch.cat([images] * count)).unflatten(0, (count, -1))

    def _searches(self, wires: Tensor, starts: Tensor) -> Iterator[Minimization]:
        chunk = inverted_at_a_time(self.layers, wires, starts[0])
        for part, start in zip(wires.split(chunk), starts.split(chunk), strict=True):
            with torch.no_grad():
                unit = self.distance(self.layers(start), part).clamp(min=TINY)

            def loss(images: Tensor, index: Tensor, part: Tensor = part, unit: Tensor = unit) -> Tensor:
                value = self.layers(images.contiguous(memory_format=torch.channels_last))
                return self.distance(value, part[index]) / unit[index] + EXPLAINED

            yield Minimization(loss, start, tolerance=MIN_LOSS_DECREASE, bounds=NO_BOUNDS)


class NoisyImages(NamedTuple):
    """What entered the client, as far as the attacker found it.

    Attributes:
        images: Found for the wires that each fold judges on and for the private ones, each (n, C, H, W).
        merged: Wires of each image whose noisy images were merged into one.
    """

    images: list[Tensor]
    merged: int


def find_noisy_images(seen: Observation, start: Start, *, iterations: int) -> NoisyImages | None:
    """Find what entered the client for the wires that a member is applied to, if wires tell it.

    The attacker tries it on noisy versions of the images that it has. None if nothing is random before the client, if
    the defense does not publish it, or if what is found there is not what entered. Each of several wires of an image
    tells another noisy image, and these are merged.

    Args:
        seen: The client and the channels.
        start: The decoder that the search begins at, and the queries, as the channel reads them.
        iterations: Evaluations of the loss and its gradient, at most.
    """
    once = seen.unmerged or seen
    if once.input_channel is None or once.layers is None:
        return None
    layers = copy.deepcopy(once.layers).requires_grad_(False).eval()
    layers.to(memory_format=torch.channels_last)
    steps = affordable_iterations(layers, seen.aux.images[0], iterations)
    search = NoisyImageSearch(layers, once.channel.distance, once.input_channel, steps)
    if _error(seen, start, search) > MAX_ERROR:
        return None
    wires = _single_wires(seen, start)
    most = affordable_searches(layers, seen.aux.images[0], steps, macs=MAX_MACS)
    starts = start.decoder.rebuild([_merged(once.channel, some) for some in wires])
    found = [search.find_each(some[:most], near) for some, near in zip(wires, starts, strict=True)]
    return NoisyImages([_merged(once.input_channel, each) for each in found], len(found[-1]))


def _single_wires(seen: Observation, start: Start) -> list[Tensor]:
    """Return R wires of each image that the folds judge on, and of the private ones, each (R, n, ...)."""
    if seen.unmerged is None:
        return [wires[None] for wires in start.queries.to_rebuild]
    once, count = seen.unmerged, _count(seen)
    assert once.query is not None
    sent = [*(once.query(torch.cat([images] * count)) for _, images in start.queries.judges), once.wire]
    return [once.channel.read(wire).to(seen.aux.images.device).unflatten(0, (count, -1)) for wire in sent]


def _count(seen: Observation) -> int:
    """Return how many wires of each image were merged."""
    return 1 if seen.unmerged is None else len(seen.unmerged.wire) // len(seen.wire)


def _merged(channel: Channel, values: Tensor) -> Tensor:
    """Merge R values of each image, (R, n, ...), as their channel does."""
    return values[0] if len(values) == 1 else channel.merge(values)


@torch.no_grad()
def _error(seen: Observation, start: Start, search: NoisyImageSearch) -> float:
    """Return the squared error of noisy images found for some held out, as a share of that of clean ones."""
    parts, channel, wires = start.queries.parts, (seen.unmerged or seen).channel, _count(seen)
    count = max(1, num_to_invert(NUM_PILOTS, parts[0].images[0]) // len(parts))
    images = [part.images[part.tune[:count]] for part in parts]
    noisy = [search.channel(torch.cat([some] * wires)).unflatten(0, (wires, -1)) for some in images]
    sent = [channel.read(Wire(channel(search.layers(some.flatten(0, 1))))).to(some.device) for some in noisy]
    each = [some.unflatten(0, (wires, -1)) for some in sent]
    starts = start.decoder.rebuild([_merged(channel, some) for some in each])
    found = [search.find(some[0], near) for some, near in zip(each, starts, strict=False)]
    entered, clean = torch.cat([some[0] for some in noisy]), search.channel.clean(torch.cat(images))
    error, noise = ((entered - other).square().mean().item() for other in (torch.cat(found), clean))
    return error / max(noise, 1e-12)


def seen_behind_client(seen: Observation, start: Start, noisy: NoisyImages) -> Observation:
    """Return what an attacker sees who is sent noisy images themselves, merged, and the channel that made them."""
    channel = (seen.unmerged or seen).input_channel
    assert channel is not None

    @torch.no_grad()
    def query(images: Tensor) -> Wire:
        return Wire(_merged(channel, torch.stack([channel(images) for _ in range(noisy.merged)])))

    return replace(
        seen,
        wire=Wire(torch.cat(noisy.images)),
        aux=seen.aux[: start.queries.own],
        channel=channel.merged(noisy.merged),
        query=query,
        input_channel=None,
        client=None,
        layers=None,
        unmerged=None,
    )
