"""A small victim and a small attacker, on which components are checked in seconds."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..errors import Inapplicable
from ..evaluation.observe import call_attack, observe, overhear
from ..evaluation.protection import applied
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
from .worker import Worker

SIZE = 16
CLASSES = 3
TRAIN, AUX, PRIVATE = 96, 320, 24
"""Images in each pool. With fewer, learned attacks fall back to the mean image, and wires cannot be compared."""
ATTACKED = 8
"""Private images under attack. The others are those of other users, whose wires some attacks have recorded."""


@dataclass(frozen=True)
class Place:
    """A setting in which a component is tried.

    Attributes:
        split: The last layer of the client.
        channels: Color channels of the images.
        noisy: Whether half of the values are lost on the way to the server.

    Example:
        >>> print(PLACES[0])
        relu1, 1x16x16 images
    """

    split: str
    channels: int
    noisy: bool = False

    def __str__(self) -> str:
        """Return the text with which reports name the place."""
        return f"{self.split}, {self.channels}x{SIZE}x{SIZE} images{', a noisy wire' if self.noisy else ''}"


PLACES = (Place("relu1", 1), Place("fc1", 3), Place("conv1", 1))
"""Feature maps and vectors, gray and color images, nonlinear and linear clients."""


class Dropped(Channel):
    """Drops a random half of the coordinates, and publishes that it does.

    Example:
        >>> sorted(set(Dropped()(torch.ones(1, 100)).flatten().tolist()))
        [0.0, 1.0]
    """

    stochastic = True

    def forward(self, value: Tensor) -> Tensor:
        """Set a random half of the value (N, ...) to zero."""
        return value * (torch.rand_like(value) < 0.5)

    def distance(self, value: Tensor, sent: Tensor) -> Tensor:
        """Return the squared error over the coordinates that arrived, (N,)."""
        return ((value - sent) * (sent != 0)).square().flatten(1).sum(1)


def soft_images(count: int, channels: int) -> ImageSet:
    """Draw images (count, channels, 16, 16) without fine detail; the class is the brightest vertical third."""
    images = functional.interpolate(torch.rand(count, channels, 4, 4), SIZE, mode="bicubic", align_corners=True)
    thirds = torch.stack([third.mean((1, 2, 3)) for third in images.tensor_split(CLASSES, dim=3)])
    return ImageSet(images.clamp(0, 1), thirds.argmax(0))


def small_network(channels: int) -> nn.Sequential:
    """Build an untrained network for such images."""
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
    """Pools, a network and the results of components on them; the same in every process.

    Attributes:
        device: The device of all tensors.
        data_dir: The folder of the data of a dataset under check.
        seed: The seed of all random numbers.
        worker: A process for what must run elsewhere; started when it is needed.

    Example:
        >>> from mia_bench.attacks.ridge import Ridge
        >>> with Lab() as lab:
        ...     tuple(lab.answer(Ridge(), PLACES[0]).images.shape)
        (8, 1, 16, 16)
    """

    def __init__(
        self, *, device: str = "cpu", data_dir: Path | None = None, seed: int = 0, worker: Worker | None = None
    ) -> None:
        """Set up a lab.

        Args:
            device: The device of all tensors.
            data_dir: The folder of the data of a dataset under check.
            seed: The seed of all random numbers.
            worker: A worker that several labs share and that none of them closes; None for one that the lab owns.
        """
        self.device = torch.device(device)
        self.data_dir = data_dir
        self.seed = seed
        self.worker = worker or Worker()
        self._owns_worker = worker is None
        self.pools = cache(self._pools)
        self.target = cache(self._target)
        self._kept: dict[Hashable, Any] = {}

    def __enter__(self) -> Self:
        """Return the lab itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the worker process, if the lab owns one."""
        if self._owns_worker:
            self.worker.close()

    def _pools(self, channels: int) -> Pools:
        with seeded("checks: pools", channels):
            train, aux, private = (soft_images(count, channels).to(self.device) for count in (TRAIN, AUX, PRIVATE))
        return Pools(train, aux, private, tuple("abc"))

    def _target(self, channels: int) -> Target:
        with seeded("checks: target", channels):
            normalize = Normalize(torch.full((channels,), 0.5), torch.full((channels,), 0.3))
            return Target(normalize, small_network(channels)).to(self.device).eval().requires_grad_(False)

    def model(self, place: Place) -> SplitModel:
        """Return a new copy of the undefended model."""
        model = self.target(place.channels).split(place.split).copy()
        return replace(model, ir_channel=Dropped()) if place.noisy else model

    def train(self, place: Place) -> ImageSet:
        """Return a copy of the victim's training images."""
        return self.pools(place.channels).train.copy()

    def private(self, place: Place) -> Tensor:
        """Return a copy of the images under attack, (N, C, 16, 16)."""
        return self.pools(place.channels).private.images[:ATTACKED].clone()

    def protected(self, defense: Defense, place: Place) -> SplitModel:
        """Return the protected model, which is made once for each defense and place."""
        return self._once(("protected", place), defense, lambda: self.protect(defense, place))

    def protect(self, defense: Defense, place: Place) -> SplitModel:
        """Protect a new copy of the model, with the same random numbers each time."""
        with seeded("checks: protect", self.seed):
            return applied(defense, self.model(place), self.train(place))

    def observation(self, attack: Attack, place: Place) -> Observation:
        """Return what the access of the attack grants."""
        pools, model = self.pools(place.channels), self.model(place)
        with seeded("checks: wire", self.seed):
            wire = overhear(model, self.private(place))
        return observe(attack, model, wire, pools=pools, originals=self.private(place), identity=self.seed)

    def attack(self, attack: Attack, place: Place, wire: Wire | None = None) -> Reconstruction:
        """Run an attack, with the same random numbers each time.

        Args:
            attack: The attack.
            place: Where it is run.
            wire: What it observes, in place of the wire of the images under attack.
        """
        seen = self.observation(attack, place)
        with seeded("checks: attack", self.seed):
            rebuilt = call_attack(attack, seen if wire is None else replace(seen, wire=wire))
        return Reconstruction.of(rebuilt)

    def answer(self, attack: Attack, place: Place) -> Reconstruction:
        """Return the result of an attack, which is run once for each attack and place."""
        return self._once(("answer", place), attack, lambda: self._timed(attack, place))[0]

    def seconds(self, attack: Attack, place: Place) -> float:
        """Return the seconds that the attack took for its answer at a place."""
        return self._once(("answer", place), attack, lambda: self._timed(attack, place))[1]

    def _timed(self, attack: Attack, place: Place) -> tuple[Reconstruction, float]:
        start = time.perf_counter()
        return self.attack(attack, place), time.perf_counter() - start

    def place(self, component: Attack | Defense) -> Place:
        """Return the first place at which a component applies.

        Raises:
            Inapplicable: If the component can be tried nowhere.
        """
        refusals = []
        for place in PLACES:
            try:
                self.answer(component, place) if isinstance(component, Attack) else self.protected(component, place)
            except Inapplicable as refusal:
                refusals.append(f"{place}: {refusal}")
            else:
                return place
        raise Inapplicable(f"The component applies nowhere: {'; '.join(refusals)}.")

    def _once(self, what: Hashable, component: Attack | Defense, make: Any) -> Any:
        """Make something once and keep it; keep a refusal, too."""
        key = (what, type(component), repr(sorted(dict(component).items())))
        if key not in self._kept:
            try:
                self._kept[key] = make()
            except Inapplicable as refusal:
                self._kept[key] = refusal
        if isinstance(kept := self._kept[key], Inapplicable):
            raise kept
        return kept
