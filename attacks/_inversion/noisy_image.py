"""The search for the noisy images that entered the client, where a defense changes images at random."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from ...benchmark.interfaces import Channel, Observation, Wire
from .._decoders.folds import num_to_invert
from .._limits import affordable_iterations
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

    def _searches(self, wires: Tensor, starts: Tensor) -> Iterator[Minimization]:
        chunk = inverted_at_a_time(self.layers, wires, starts[0])
        for part, start in zip(wires.split(chunk), starts.split(chunk), strict=True):
            with torch.no_grad():
                unit = self.distance(self.layers(start), part).clamp(min=TINY)

            def loss(images: Tensor, index: Tensor, part: Tensor = part, unit: Tensor = unit) -> Tensor:
                value = self.layers(images.contiguous(memory_format=torch.channels_last))
                return self.distance(value, part[index]) / unit[index] + EXPLAINED

            yield Minimization(loss, start, tolerance=MIN_LOSS_DECREASE, bounds=NO_BOUNDS)


def find_noisy_images(seen: Observation, start: Start, *, iterations: int) -> list[Tensor] | None:
    """Find what entered the client for the wires that a member is applied to, each (n, C, H, W), if wires tell it.

    The attacker tries it on noisy versions of the images that it has. None if nothing is random before the client, if
    the defense does not publish it, or if what is found there is not what entered.

    Args:
        seen: The client and the channels.
        start: The decoder that the search begins at, and the queries, as the channel reads them.
        iterations: Evaluations of the loss and its gradient, at most.
    """
    if seen.input_channel is None or seen.layers is None:
        return None
    layers = copy.deepcopy(seen.layers).requires_grad_(False).eval()
    layers.to(memory_format=torch.channels_last)
    steps = affordable_iterations(layers, seen.aux.images[0], iterations)
    search = NoisyImageSearch(layers, seen.channel.distance, seen.input_channel, steps)
    if _error(seen, start, search) > MAX_ERROR:
        return None
    wires = start.queries.to_rebuild
    return [search.find(some, near) for some, near in zip(wires, start.decoder.rebuild(wires), strict=True)]


@torch.no_grad()
def _error(seen: Observation, start: Start, search: NoisyImageSearch) -> float:
    """Return the squared error of the noisy images found for some held out, as a share of that of clean ones."""
    parts = start.queries.parts
    count = max(1, num_to_invert(NUM_PILOTS, parts[0].images[0]) // len(parts))
    images = [part.images[part.tune[:count]] for part in parts]
    noisy = [search.channel(some) for some in images]
    wires = [seen.channel.read(Wire(seen.channel(search.layers(some)))).to(some.device) for some in noisy]
    found = [search.find(some, near) for some, near in zip(wires, start.decoder.rebuild(wires), strict=False)]
    entered, clean = torch.cat(noisy), search.channel.clean(torch.cat(images))
    error, noise = ((entered - other).square().mean().item() for other in (torch.cat(found), clean))
    return error / max(noise, 1e-12)


def seen_behind_client(seen: Observation, start: Start, noisy: Tensor) -> Observation:
    """Return what an attacker sees who is sent noisy images (N, C, H, W) themselves, and the channel that made them."""
    channel = seen.input_channel
    assert channel is not None

    @torch.no_grad()
    def query(images: Tensor) -> Wire:
        return Wire(channel(images))

    own = seen.aux[: start.queries.own]
    return replace(
        seen, wire=Wire(noisy), aux=own, channel=channel, query=query, input_channel=None, client=None, layers=None
    )
