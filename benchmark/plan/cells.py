"""A cell of the grid, its identity, and the plan that a request expands to."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, cast

from ..interfaces import Dataset
from ..registry.specs import ResolvedComponent, parse, resolve
from ..training import RECIPE_VERSION
from ..utils.cache import digest
from .references import KEY_COLUMNS, PROTOCOL


@dataclass(frozen=True)
class Setting:
    """What cells share that differ only in their attack: one protected model and one wire."""

    dataset: ResolvedComponent
    model: ResolvedComponent
    split: str
    defense: ResolvedComponent
    seed: int
    images: int

    @property
    def identity(self) -> dict[str, Any]:
        """All that the protected model and its wire depend on, beside the data themselves."""
        return {
            "protocol": PROTOCOL,
            "dataset": self.dataset.identity,
            "training": {"recipe": RECIPE_VERSION, **asdict(cast(Dataset, self.dataset.component).training)},
            "model": self.model.identity,
            "split": self.split,
            "defense": self.defense.identity,
            "seed": self.seed,
            "images": self.images,
        }

    @property
    def label(self) -> str:
        """A short name for progress and plans."""
        return f"{self.dataset.label} {self.model.label} {self.split} {self.defense.label} seed {self.seed}"


@dataclass(frozen=True)
class Cell:
    """One (dataset, model, split, defense, attack, seed)."""

    setting: Setting
    attack: ResolvedComponent

    @property
    def foreign(self) -> bool:
        """Whether a plug-in takes part in it."""
        setting = self.setting
        return any(each.entry.foreign for each in (setting.dataset, setting.model, setting.defense, self.attack))

    @classmethod
    def of(cls, columns: Mapping[str, Any]) -> Cell:
        """The cell that a leaderboard calls so, with the components as they are installed now.

        Raises:
            UsageError: if there is no such component, or it does not take these parameters.
        """
        dataset, model = resolve("datasets", *parse(columns["dataset"])), resolve("models", *parse(columns["model"]))
        defense = resolve("defenses", columns["defense"], json.loads(columns["defense_params"]))
        attack = resolve("attacks", columns["attack"], json.loads(columns["attack_params"]))
        return cls(Setting(dataset, model, columns["split"], defense, columns["seed"], columns["n_images"]), attack)

    @property
    def columns(self) -> dict[str, Any]:
        """What a leaderboard calls this cell, by column."""
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
        """All that the cell's scores depend on."""
        return {**self.setting.identity, "attack": self.attack.identity, "data": fingerprint}

    def cell_id(self, fingerprint: str) -> str:
        """Hash of the identity."""
        return digest(self.identity(fingerprint))

    @property
    def label(self) -> str:
        """A short name for progress and plans."""
        return f"{self.setting.label} {self.attack.label}"
