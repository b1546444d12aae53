"""A cell of the grid of experiments, and its identity."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from ..interfaces import Dataset, Defense
from ..registry.literals import parse
from ..registry.specs import ResolvedComponent, resolve
from ..training import RECIPE_VERSION
from ..utils.cache import digest
from .references import KEY_COLUMNS, PROTOCOL


@dataclass(frozen=True)
class Setting:
    """Describe what cells share that differ only in their attack: one protected model and one wire.

    Attributes:
        dataset: The dataset.
        model: The architecture of the target.
        split: The name of the last layer on the client.
        defense: The defense.
        seed: The random seed.
        images: The number of private images under attack.
        fewer_suffice: Whether all private images are attacked if there are fewer than ``images``, as nobody asked for
            this number.

    Example: See ``Cell``.
    """

    dataset: ResolvedComponent
    model: ResolvedComponent
    split: str
    defense: ResolvedComponent
    seed: int
    images: int
    fewer_suffice: bool = field(default=False, compare=False)

    @property
    def identity(self) -> dict[str, Any]:
        """Everything that the protected model and its wire depend on, except for the data themselves."""
        return {
            "protocol": PROTOCOL,
            "dataset": self.dataset.identity,
            "training": {"recipe": RECIPE_VERSION, **cast(Dataset, self.dataset.component).training.identity},
            "model": self.model.identity,
            "split": self.split,
            "defense": self.defense.identity,
            "seed": self.seed,
            "images": self.images,
        }

    @property
    def defense_stream(self) -> dict[str, Any]:
        """The identity without parameters that concern the adversary alone: it seeds the defense."""
        defense, identity = cast(Defense, self.defense.component), self.identity
        params = identity["defense"]["params"]
        kept = {name: value for name, value in params.items() if name not in defense.adversary_only}
        return {**identity, "defense": {**identity["defense"], "params": kept}}

    @property
    def objects(self) -> list[ResolvedComponent]:
        """The components that exist in this Python session alone."""
        return [each for each in (self.dataset, self.model, self.defense) if each.is_object]

    @property
    def in_worker(self) -> bool:
        """Whether only worker processes make the data and the model, because a plug-in provides one of them.

        A worker cannot have an object of this session, so settings with objects are made in this process.
        """
        return (self.dataset.is_plugin or self.model.is_plugin) and not self.objects

    @property
    def label(self) -> str:
        """A short name for progress displays and plans."""
        return f"{self.dataset.label} {self.model.label} {self.split} {self.defense.label} seed {self.seed}"


@dataclass(frozen=True)
class Cell:
    """Describe one experiment: a setting and an attack.

    Example:
        >>> dataset, model = resolve("datasets", "photos", {}), resolve("models", "cnn6", {})
        >>> setting = Setting(dataset, model, "relu22", resolve("defenses", "undefended", {}), seed=0, images=64)
        >>> Cell(setting, resolve("attacks", "ridge", {})).label
        'photos cnn6 relu22 undefended seed 0 ridge'
    """

    setting: Setting
    attack: ResolvedComponent

    @property
    def foreign(self) -> bool:
        """Whether one of the components is not built in."""
        return any(each.entry.foreign for each in self.components)

    @property
    def components(self) -> tuple[ResolvedComponent, ...]:
        """Dataset, model, defense and attack."""
        return self.setting.dataset, self.setting.model, self.setting.defense, self.attack

    @property
    def objects(self) -> list[ResolvedComponent]:
        """The components that exist in this Python session alone."""
        return [each for each in self.components if each.is_object]

    @property
    def in_worker(self) -> bool:
        """Whether a worker process computes the cell, because a plug-in takes part and no object of this session."""
        return any(each.is_plugin for each in self.components) and not self.objects

    @classmethod
    def of(cls, columns: Mapping[str, Any]) -> Cell:
        """Return the cell of a row of a leaderboard, with the components as they are installed now.

        Args:
            columns: The values of ``KEY_COLUMNS``, by column.

        Raises:
            UsageError: If a component does not exist, or does not take these parameters.
        """
        dataset, model = resolve("datasets", *parse(columns["dataset"])), resolve("models", *parse(columns["model"]))
        defense = resolve("defenses", columns["defense"], json.loads(columns["defense_params"]))
        attack = resolve("attacks", columns["attack"], json.loads(columns["attack_params"]))
        return cls(Setting(dataset, model, columns["split"], defense, columns["seed"], columns["n_images"]), attack)

    @property
    def columns(self) -> dict[str, Any]:
        """The values by which a leaderboard identifies this cell, by column."""
        setting = self.setting
        values = (
            setting.dataset.canonical,
            setting.model.canonical,
            setting.split,
            setting.defense.name,
            setting.defense.component.params,
            self.attack.name,
            self.attack.component.params,
            setting.seed,
            setting.images,
        )
        return dict(zip(KEY_COLUMNS, values, strict=True))

    def identity(self, fingerprint: str) -> dict[str, Any]:
        """Return everything that the scores of the cell depend on, given the fingerprint of the data."""
        return {**self.setting.identity, "attack": self.attack.identity, "data": fingerprint}

    def cell_id(self, fingerprint: str) -> str:
        """Return the hash of the identity, given the fingerprint of the data."""
        return digest(self.identity(fingerprint))

    @property
    def label(self) -> str:
        """A short name for progress displays and plans."""
        return f"{self.setting.label} {self.attack.label}"
