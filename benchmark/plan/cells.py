"""A cell of the grid, its identity, and the plan that a request expands to."""

from __future__ import annotations

import itertools
import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar, cast

from .. import registry
from ..errors import UsageError
from ..interfaces import Dataset
from ..registry import Kind
from ..registry.specs import Chosen, check_options, choose, expand, parse
from ..training import RECIPE_VERSION
from ..utils.cache import digest
from ..utils.texts import LARGEST_WHOLE

PROTOCOL = 2
"""Version of the evaluation protocol, raised whenever scores stop being comparable."""
REFERENCE_ATTACK = "mean_image"
REFERENCE_DEFENSE = "undefended"

_IN_ONE_COLUMN: dict[Kind, str] = {"datasets": "dataset", "models": "model"}
_IN_TWO_COLUMNS: dict[Kind, str] = {"defenses": "defense", "attacks": "attack"}

Spec = str | Mapping[str, Any]


@dataclass(frozen=True)
class Setting:
    """What cells share that differ only in their attack: one protected model and one wire."""

    dataset: Chosen
    model: Chosen
    split: str
    defense: Chosen
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

    COLUMNS: ClassVar[tuple[str, ...]] = (
        "dataset",
        "model",
        "split",
        "defense",
        "defense_params",
        "attack",
        "attack_params",
        "seed",
        "n_images",
    )
    """The columns of a leaderboard that say which cell a row is of."""

    setting: Setting
    attack: Chosen

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
        dataset, model = (choose(kind, *parse(columns[name])) for kind, name in _IN_ONE_COLUMN.items())
        defense, attack = (
            choose(kind, columns[name], json.loads(columns[f"{name}_params"])) for kind, name in _IN_TWO_COLUMNS.items()
        )
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
        return dict(zip(self.COLUMNS, values, strict=True))

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


@dataclass(frozen=True)
class Request:
    """What a user asks for; empty means the defaults of ``run``.

    Attributes:
        options: values of parameters, for every chosen attack or defense that has them.
        own_options: names that ``run`` itself gives to options, to suggest when a parameter is misspelt.
    """

    dataset: Spec = "photos"
    model: Spec | None = None
    splits: Sequence[str] = ()
    attacks: Sequence[Spec] = ()
    defenses: Sequence[Spec] = ()
    seeds: Sequence[int] = (0,)
    images: int = 64
    options: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    own_options: Sequence[str] = ()

    @property
    def attack_specs(self) -> list[Spec]:
        """The attacks to run; the reference is always among them."""
        return [*(self.attacks or _standard_attacks()), REFERENCE_ATTACK]

    @property
    def defense_specs(self) -> list[Spec]:
        """The defenses to attack; the undefended model is always among them."""
        return [REFERENCE_DEFENSE, *(self.defenses or _built_in_defenses())]


def plan(*requests: Request) -> list[Cell]:
    """Cross what was asked for into cells, each once, those of one setting beside each other.

    Raises:
        UsageError: if a name, a parameter or an option is wrong.
    """
    chosen: dict[Kind, list[Spec]] = {
        "attacks": [spec for request in requests for spec in request.attack_specs],
        "defenses": [spec for request in requests for spec in request.defense_specs],
    }
    for request in requests:
        check_options(request.options, chosen, request.own_options)
    cells: dict[Setting, dict[Cell, None]] = {}
    for cell in itertools.chain.from_iterable(map(_crossed, requests)):
        cells.setdefault(cell.setting, {})[cell] = None
    return [cell for together in cells.values() for cell in together]


def _crossed(request: Request) -> Iterator[Cell]:
    _refuse_out_of_range("images", [request.images], least=1)
    _refuse_out_of_range("seed", request.seeds, least=0)
    (dataset,) = expand("datasets", [request.dataset], {})
    recommended = type(dataset.component)
    (model,) = expand("models", [request.model or getattr(recommended, "model")], {})  # noqa: B009
    splits = request.splits or [getattr(recommended, "split")]  # noqa: B009
    defenses = expand("defenses", request.defense_specs, request.options)
    attacks = expand("attacks", request.attack_specs, request.options)
    for seed, split, defense in itertools.product(request.seeds, splits, defenses):
        setting = Setting(dataset, model, split, defense, seed, request.images)
        yield from (Cell(setting, attack) for attack in attacks)


def _refuse_out_of_range(option: str, values: Sequence[int], *, least: int) -> None:
    for value in values:
        if not least <= value <= LARGEST_WHOLE:
            raise UsageError(f"--{option} is {value}; it must be at least {least} and at most {LARGEST_WHOLE}")


def _standard_attacks() -> list[str]:
    standard = []
    for name in registry.names("attacks"):
        entry = registry.find("attacks", name)
        try:
            if getattr(entry.load(), "standard"):  # noqa: B009
                standard.append(name)
        except UsageError as error:
            logging.getLogger(__name__).warning("left out: %s", error)
    return standard


def _built_in_defenses() -> list[str]:
    return [
        name for name in registry.names("defenses") if registry.find("defenses", name).package == registry.DISTRIBUTION
    ]
