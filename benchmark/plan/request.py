"""What a user asks for, and the cells that it makes."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .. import registry
from ..errors import UsageError
from ..registry import Kind
from ..registry.specs import check_options, expand_sweeps, parse
from ..utils.texts import LARGEST_WHOLE
from .cells import Cell, Setting
from .lists import Spec, list_names, list_seeds, list_specs, list_values
from .references import REFERENCE_ATTACK, REFERENCE_DEFENSE
from .suite import Suite, load_suite, select_parts

logger = logging.getLogger(__name__)

_LISTS = {
    "dataset": list_specs,
    "model": list_specs,
    "attacks": list_specs,
    "defenses": list_specs,
    "split": list_names,
    "seeds": list_seeds,
}
"""How what is given beside a suite is divided into lists."""


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
    (dataset,) = expand_sweeps("datasets", [request.dataset], {})
    recommended = type(dataset.component)
    (model,) = expand_sweeps("models", [request.model or getattr(recommended, "model")], {})  # noqa: B009
    splits = request.splits or [getattr(recommended, "split")]  # noqa: B009
    defenses = expand_sweeps("defenses", request.defense_specs, request.options)
    attacks = expand_sweeps("attacks", request.attack_specs, request.options)
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
            logger.warning("left out: %s", error)
    return standard


def _built_in_defenses() -> list[str]:
    return [
        name for name in registry.names("defenses") if registry.find("defenses", name).package == registry.DISTRIBUTION
    ]


def make_requests(
    suite: str | None, given: Mapping[str, Any], options: Mapping[str, Sequence[Any]], own_options: Sequence[str]
) -> list[Request]:
    """What a user asks for: the parts of a suite, if one is named, and what is given beside it, which wins.

    Raises:
        UsageError: if there is no such suite, or no part of it is left.
    """
    given = {key: _LISTS[key](value) if key in _LISTS else value for key, value in given.items()}
    parts = load_suite(suite) if suite else [Suite()]
    chosen = select_parts(parts, given)
    wins = {key: value for key, value in given.items() if key not in ("dataset", "model", "split") or len(parts) == 1}
    return [request for part in chosen for request in _requests(part, wins, options, own_options)]


def _requests(
    suite: Suite, given: Mapping[str, Any], options: Mapping[str, Sequence[Any]], own_options: Sequence[str]
) -> Iterator[Request]:
    """Yield one request for each dataset and model."""
    written = suite.model_dump()
    for kind in ("attacks", "defenses"):
        written[kind] = [_without(spec, options) for spec in written[kind]]
    said = written | dict(given)
    swept = {key: list_values(value) for key, value in (suite.options | dict(options)).items()}
    for dataset, model in itertools.product(said["dataset"], said["model"] or [None]):
        yield Request(
            dataset=dataset,
            model=model,
            splits=said["split"],
            attacks=said["attacks"],
            defenses=said["defenses"],
            seeds=said["seeds"],
            images=said["images"],
            options=swept,
            own_options=own_options,
        )


def _without(spec: str | Mapping[str, Any], options: Mapping[str, Sequence[Any]]) -> dict[str, Any]:
    """What a suite says of a component, less what the command line says."""
    if isinstance(spec, str):
        name, params = parse(spec)
        spec = {"name": name, **params}
    return {key: value for key, value in spec.items() if key not in options}
