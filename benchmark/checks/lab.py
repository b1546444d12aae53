"""A tiny victim and a tiny attacker, on which components are checked in seconds."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..errors import Inapplicable
from ..evaluation.observe import observe, overhear
from ..interfaces import (
    Attack,
    Channel,
    Defense,
    ImageSet,
    Normalize,
    Observation,
    Pools,
    Reconstruction,
    SplitModel,
    Target,
    Wire,
)
from ..utils.seeding import seeded

SIZE = 16
CLASSES = 3
TRAIN, AUX, PRIVATE = 96, 320, 8
"""Images in each pool: learned attacks fall back to the mean image on fewer, and compare wires from eight on."""


@dataclass(frozen=True)
class Place:
    """Where a component is tried: a split, for images of so many channels, behind a channel of the lab's own."""

    split: str
    channels: int
    noisy: bool = False

    def __str__(self) -> str:
        """As a report says it."""
        return f"{self.split}, {self.channels}x{SIZE}x{SIZE} images{', a noisy wire' if self.noisy else ''}"


PLACES = (Place("relu1", 1), Place("fc1", 3), Place("conv1", 1))
"""Spatial and flat, gray and color, with a bend in the client and without."""


class Dropped(Channel):
    """Keeps half of the coordinates, and says so."""

    stochastic = True

    def forward(self, value: Tensor) -> Tensor:
        """Zero a random half of the value (N, ...)."""
        return value * (torch.rand_like(value) < 0.5)

    def distance(self, value: Tensor, sent: Tensor) -> Tensor:
        """Squared error over what arrived, (N,)."""
        return ((value - sent) * (sent != 0)).square().flatten(1).sum(1)


def soft_images(count: int, channels: int) -> ImageSet:
    """Random images (count, channels, 16, 16) without fine detail; the class is the brightest third, left to right."""
    images = functional.interpolate(torch.rand(count, channels, 4, 4), SIZE, mode="bicubic", align_corners=True)
    thirds = torch.stack([third.mean((1, 2, 3)) for third in images.tensor_split(CLASSES, dim=3)])
    return ImageSet(images.clamp(0, 1), thirds.argmax(0))


def small_network(channels: int) -> nn.Sequential:
    """An untrained network for those images."""
    return nn.Sequential(
        OrderedDict(
            conv1=nn.Conv2d(channels, 3, 5),
            relu1=nn.ReLU(),
            pool1=nn.MaxPool2d(2),
            flatten=nn.Flatten(),
            fc1=nn.Linear(108, 24),
            relu2=nn.ReLU(),
            fc2=nn.Linear(24, CLASSES),
        )
    )


class Lab:
    """Pools, a network and what follows from them; the same in every process.

    Attributes:
        device: where everything lies.
        data_dir: where a dataset under check finds its data.
        seed: of everything random.
    """

    def __init__(self, *, device: str = "cpu", data_dir: Path | None = None, seed: int = 0) -> None:
        """Work on a device."""
        self.device = torch.device(device)
        self.data_dir = data_dir
        self.seed = seed
        self.pools = cache(self._pools)
        self.target = cache(self._target)
        self._kept: dict[Hashable, Any] = {}

    def _pools(self, channels: int) -> Pools:
        with seeded("checks: pools", channels):
            train, aux, private = (soft_images(count, channels).to(self.device) for count in (TRAIN, AUX, PRIVATE))
        return Pools(train, aux, private, tuple("abc"))

    def _target(self, channels: int) -> Target:
        with seeded("checks: target", channels):
            normalize = Normalize(torch.full((channels,), 0.5), torch.full((channels,), 0.3))
            return Target(normalize, small_network(channels)).to(self.device).eval().requires_grad_(False)

    def model(self, place: Place) -> SplitModel:
        """An undefended model of one's own."""
        model = self.target(place.channels).split(place.split).copy()
        return replace(model, ir_channel=Dropped()) if place.noisy else model

    def train(self, place: Place) -> ImageSet:
        """The victim's images."""
        return self.pools(place.channels).train.copy()

    def private(self, place: Place) -> Tensor:
        """The images under attack, (N, C, 16, 16)."""
        return self.pools(place.channels).private.images.clone()

    def protected(self, defense: Defense, place: Place) -> SplitModel:
        """Protect a model, once for each defense and place."""
        return self._once(("protected", place), defense, lambda: self.protect(defense, place))

    def protect(self, defense: Defense, place: Place) -> SplitModel:
        """Protect a model, with the same random numbers each time."""
        with seeded("checks: protect", self.seed):
            model = defense.protect(self.model(place), self.train(place))
        model.modules().eval().requires_grad_(False)
        return model

    def observation(self, attack: Attack, place: Place) -> Observation:
        """What the attack's access grants."""
        pools, model = self.pools(place.channels), self.model(place)
        with seeded("checks: wire", self.seed):
            wire = overhear(model, pools.private.images)
        return observe(attack, model, wire, pools=pools, originals=pools.private.images, identity=self.seed)

    def attack(self, attack: Attack, place: Place, wire: Wire | None = None) -> Reconstruction:
        """What an attack answers, with the same random numbers each time; to another wire, if one is given."""
        seen = self.observation(attack, place)
        with seeded("checks: attack", self.seed):
            rebuilt = attack.reconstruct(seen if wire is None else replace(seen, wire=wire))
        return rebuilt if isinstance(rebuilt, Reconstruction) else Reconstruction(rebuilt, "", {})

    def answer(self, attack: Attack, place: Place) -> Reconstruction:
        """Likewise, once for each attack and place."""
        return self._once(("answer", place), attack, lambda: self.attack(attack, place))

    def place(self, component: Attack | Defense) -> Place:
        """The first place at which a component applies.

        Raises:
            Inapplicable: if there is none.
        """
        refusals = []
        for place in PLACES:
            try:
                self.answer(component, place) if isinstance(component, Attack) else self.protected(component, place)
            except Inapplicable as refusal:
                refusals.append(f"{place}: {refusal}")
            else:
                return place
        raise Inapplicable(f"it applies nowhere; {'; '.join(refusals)}")

    def _once(self, what: Hashable, component: Attack | Defense, make: Any) -> Any:
        """Keep results, and refusals too."""
        key = (what, type(component), repr(sorted(dict(component).items())))
        if key not in self._kept:
            try:
                self._kept[key] = make()
            except Inapplicable as refusal:
                self._kept[key] = refusal
        if isinstance(kept := self._kept[key], Inapplicable):
            raise kept
        return kept
