"""Shadow clients, which an attacker trains to imitate the victim's."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..benchmark.interfaces import Channel, Observation
from ..benchmark.training import fit
from ._decoders.folds import divide_once
from ._decoders.layers import Standardize
from ._decoders.queries import Queries
from ._generic_client import is_random
from ._inversion.rmle import wire_as_ir
from ._limits import least_steps, max_query_images

SHADOW_BATCH_IMAGES = 64
LEARNING_RATE = 3e-3
MIN_PASS_STEPS = 25
"""Steps of a pass at least, if there are few images, which by default makes 200 in all."""
MAX_STEPS = 1000
"""Batches of a shadow that is trained through the server, at most, unless the user asks for another number."""
TRAFFIC_WIRES = 2000
"""Wires of other users that the attacker has recorded, at most."""
VARIANCE_FLOOR = 1e-8
"""Variance that is added to that of each number of a wire."""
LARGEST_SHARE = 1e-3
"""The same, at most, as a share of the mean variance of these numbers."""
MIN_WIRES = 8
"""Recorded wires below which their mean and standard deviation say too little to be imitated."""


@dataclass(frozen=True)
class ShadowRecipe:
    """How shadow clients are trained through the server.

    Attributes:
        restarts: Shadows to train, at most.
        moments: Weight of the difference in mean and standard deviation from the recorded wires.
        epochs: Passes over the attacker's images, at most.
        steps: Batches, at most; None: ``MAX_STEPS``, or as many as are affordable.
    """

    restarts: int
    moments: float
    epochs: int
    steps: int | None

    def affordable_for(self, network: Callable[[Tensor], object], images: Tensor) -> tuple[int, int]:
        """Return how many samples to train on and how many shadows to train, given what a network costs.

        Args:
            network: The shadow and the server.
            images: Some images (K, C, H, W), on which operations are counted.
        """
        most = (self.steps or MAX_STEPS) * SHADOW_BATCH_IMAGES
        if self.steps is not None:
            return most, self.restarts
        allowed = max_query_images(network, images)
        most = min(most, allowed)
        return most, max(1, min(self.restarts, allowed // most))


def sent_through(channel: Channel, value: Tensor) -> Tensor:
    """Return what a channel sends for IRs (N, ...), float32, with a gradient even if the channel itself has none.

    A channel that sends whole numbers has no gradient. That of its deterministic part takes its place, as in BPDA:
    Athalye, Carlini, Wagner, ICML 2018, "Obfuscated gradients give a false sense of security".
    """
    sent = channel(value)
    if sent.requires_grad or not value.requires_grad:
        return sent.float()
    clean = channel.clean(value)
    return clean + (sent.float() - clean).detach()


def recorded(seen: Observation) -> Tensor:
    """Return the wires from which a shadow learns what is usual, (K, ...): the traffic, or else those under attack.

    Raises:
        Inapplicable: If the defense publishes nothing about its channel.
    """
    wire = wire_as_ir(seen)
    if seen.traffic is None or len(seen.traffic) < MIN_WIRES:
        return wire
    return seen.channel.read(seen.traffic).to(wire.device)


class _Imitation:
    """The loss of a shadow: what the frozen server makes of it, and how far its wires are from the recorded ones.

    A shadow is a client and the layers behind the server, which do nothing unless the device keeps the last layers. The
    server sees the attacker's images before any random change, since its network was trained on such images. The wires
    are compared with their random changes, as those that were recorded.
    """

    def __init__(self, seen: Observation, wire: Tensor, moments: float) -> None:
        assert seen.server is not None
        self.server = copy.deepcopy(seen.server).requires_grad_(False).eval()
        self._seen, self._weight = seen, moments if len(wire) >= MIN_WIRES else 0.0
        # in double precision, so that the order of the wires does not matter
        variance = wire.double().var(0, correction=0).mean().item()
        self._floor = min(VARIANCE_FLOOR, LARGEST_SHARE * variance) or VARIANCE_FLOOR
        self._mean, self._std = (moment.to(wire.dtype) for moment in _moments(wire.double(), self._floor))
        self._unit = self._std.square().mean()

    def build(self, client: nn.Module) -> nn.ModuleList:
        """Return an untrained shadow with this client."""
        tail = self._seen.tail
        return nn.ModuleList([client, nn.Identity() if tail is None else tail().to(self._mean.device)])

    def __call__(self, shadow: nn.ModuleList, batch: Tensor) -> Tensor:
        """Compute the mean loss over some of the attacker's images (B,)."""
        client, tail = shadow
        images = self._seen.aux.images[batch]
        sent = sent_through(self._seen.channel, client(images))
        total = self._seen.aux.loss(tail(self.server(sent)), batch)
        if not self._weight:
            return total
        if is_random(client):
            sent = sent_through(self._seen.channel, client.send(images))
        mean, std = _moments(sent, self._floor)
        gap = (mean - self._mean).square().mean() + (std - self._std).square().mean()
        return total + self._weight * gap / self._unit


class Shadow(NamedTuple):
    """A trained shadow client.

    Attributes:
        loss: Its loss on images that it was not trained on; 0 if it is the only one, which is not judged.
        client: The client, in evaluation mode.
    """

    loss: float
    client: nn.Module


def shadows(build: Callable[[], nn.Module], seen: Observation, wire: Tensor, recipe: ShadowRecipe) -> list[Shadow]:
    """Train shadow clients through the channel and the frozen server.

    If the network is expensive and ``recipe.steps`` is None, only as many are trained as are affordable, at least one.
    Those whose training diverges are left out.

    Args:
        build: Makes an untrained client, which maps images (N, C, H, W) to IRs like the victim's.
        seen: The server, the channel, and the attacker's labelled images.
        wire: The recorded wires, (N, ...).
        recipe: How to train.
    """
    loss = _Imitation(seen, wire, recipe.moments)
    images, first = seen.aux.images, loss.build(build())
    most, restarts = recipe.affordable_for(lambda some: first[1](loss.server(first[0](some))), images[:2])
    fold = divide_once(len(images), seen.aux.sources)
    judges = torch.cat([fold.tune, fold.judge]).to(images.device)
    fitted = (torch.arange(len(images)) if restarts == 1 else fold.fit).to(images.device)

    def trained(shadow: nn.ModuleList) -> nn.ModuleList:
        count = min(len(fitted), most)
        shadow.train()
        _train(shadow, lambda batch: loss(shadow, fitted[batch]), images=count, most=most, epochs=recipe.epochs)
        return shadow.eval()

    def judged(shadow: nn.ModuleList) -> float:
        with torch.no_grad():
            return loss(shadow, judges).item()

    if restarts == 1:
        only = trained(first)
        finite = all(bool(weight.isfinite().all()) for weight in only.parameters())
        return usable([Shadow(0.0 if finite else math.nan, only[0])])
    made = (trained(loss.build(build()) if index else first) for index in range(restarts))
    return usable([Shadow(judged(shadow), shadow[0]) for shadow in made])


def usable(made: list[Shadow]) -> list[Shadow]:
    """Return the shadows whose training has not diverged, since what they send is not a number.

    Raises:
        FloatingPointError: If all have.
    """
    if found := [shadow for shadow in made if math.isfinite(shadow.loss)]:
        return found
    raise FloatingPointError("Expected shadow clients with a finite loss, got NaN or infinity from all of them.")


def _train(client: nn.Module, loss: Callable[[Tensor], Tensor], *, images: int, most: int, epochs: int) -> None:
    """Minimize a loss of batches (B,) over ``images`` images in at most ``epochs`` passes and ``most`` samples."""
    passes = max(1, min(epochs, most // images))
    fit(
        client.parameters(),
        loss,
        count=images,
        epochs=passes,
        batch_size=SHADOW_BATCH_IMAGES,
        learning_rate=LEARNING_RATE,
        least=least_steps(MIN_PASS_STEPS, passes=passes, most=most // SHADOW_BATCH_IMAGES, allowed=most),
    )


def imitate(client: nn.Module, queries: Queries, *, epochs: int, steps: int) -> nn.Module:
    """Train a shadow client to send what the victim's client sends.

    Args:
        client: Maps images (N, C, H, W) to values shaped like IRs; trained in place.
        queries: Images and their wires as the channel reads them, (K, ...).
        epochs: Passes over the queries, at most.
        steps: Batches, at most.

    Returns:
        The shadow, brought to the scale of the IRs.
    """
    sample = queries.sample()
    scale = Standardize(sample)
    client.to(sample.device)
    most = min(steps * SHADOW_BATCH_IMAGES, max_query_images(client, queries.images[:2]))
    count = min(queries.trainable, most)

    def loss(batch: Tensor) -> Tensor:
        return functional.mse_loss(client(queries.images[batch]), scale(queries.wires(batch)))

    _train(client, loss, images=count, most=most, epochs=epochs)
    return nn.Sequential(client, Unscale(scale)).eval()


class Unscale(nn.Module):
    """Undo a standardization."""

    def __init__(self, scale: Standardize) -> None:
        """Take the standardization to undo."""
        super().__init__()
        self.scale = scale

    def forward(self, values: Tensor) -> Tensor:
        """Bring values (N, ...) back to the scale of the IRs."""
        return values * self.scale.scale + self.scale.mean


def _moments(wires: Tensor, floor: float) -> tuple[Tensor, Tensor]:
    """Compute the mean and standard deviation of each number of a wire over images, (...).

    Args:
        wires: (N, ...).
        floor: Variance that is added, so that the deviation of a number that does not vary has a derivative.
    """
    return wires.mean(0), (wires.var(0, correction=0) + floor).sqrt()
