"""From requests to the list of cells."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Iterator, Sequence
from functools import cache
from typing import cast

from .. import registry
from ..errors import UsageError
from ..interfaces import Attack, Dataset
from ..registry import Kind
from ..registry.sweeps import Spec, check_options, expand_sweeps
from .cells import Cell, Setting
from .references import REFERENCE_ATTACK, REFERENCE_DEFENSE
from .request import Request

logger = logging.getLogger(__name__)


def plan(*requests: Request) -> list[Cell]:
    """Cross what was asked for into cells, each once, those of one setting next to each other.

    Raises:
        UsageError: If a name, a parameter or an option is wrong.

    Example:
        >>> cells = plan(Request(attacks="ridge", defenses="dp_ir:sigma=0.5"))
        >>> [(cell.setting.defense.label, cell.attack.label) for cell in cells]  # doctest: +NORMALIZE_WHITESPACE
        [('undefended', 'ridge'), ('undefended', 'mean_image'),
         ('dp_ir:sigma=0.5', 'ridge'), ('dp_ir:sigma=0.5', 'mean_image')]
    """
    for request in requests:
        check_options(request.options, chosen_specs(requests))
    cells: dict[Setting, dict[Cell, None]] = {}
    for cell in itertools.chain.from_iterable(map(_crossed, requests)):
        cells.setdefault(cell.setting, {})[cell] = None
    return [cell for together in cells.values() for cell in together]


def chosen_specs(requests: Sequence[Request]) -> dict[Kind, list[Spec]]:
    """Return the components of all requests that may have options."""
    return {
        "attacks": [spec for request in requests for spec in attack_specs(request)],
        "defenses": [spec for request in requests for spec in defense_specs(request)],
    }


def attack_specs(request: Request) -> list[Spec]:
    """Return the attacks to run; the reference is always among them."""
    return [*(request.attacks or standard_attacks()), REFERENCE_ATTACK]


def defense_specs(request: Request) -> list[Spec]:
    """Return the defenses to attack; the undefended network is always among them."""
    return [REFERENCE_DEFENSE, *(request.defenses or _built_in_defenses())]


def _crossed(request: Request) -> Iterator[Cell]:
    defenses = expand_sweeps("defenses", defense_specs(request), request.options)
    attacks = expand_sweeps("attacks", attack_specs(request), request.options)
    for dataset_spec, model_spec in itertools.product(request.dataset, request.model or [None]):
        (dataset,) = expand_sweeps("datasets", [dataset_spec], {})
        recommended = cast(type[Dataset], type(dataset.component))
        (model,) = expand_sweeps("models", [model_spec or recommended.model], {})
        splits = request.splits or [recommended.split]
        images = _images(request, cast(Dataset, dataset.component))
        for seed, split, defense in itertools.product(request.seeds, splits, defenses):
            setting = Setting(dataset, model, split, defense, seed, images, "images" not in request.model_fields_set)
            yield from (Cell(setting, attack) for attack in attacks)


def _images(request: Request, dataset: Dataset) -> int:
    """Return how many images are attacked: what was asked for, or the default, at most as many as there are."""
    if "images" in request.model_fields_set or dataset.private_count is None:
        return request.images
    return min(request.images, dataset.private_count)


def standard_attacks() -> list[str]:
    """Return the attacks that run when none is named. A broken plug-in is left out with a warning."""
    standard = []
    for name in registry.names("attacks"):
        entry = registry.find("attacks", name)
        try:
            if cast(type[Attack], registry.load(entry)).standard:
                standard.append(name)
        except UsageError as error:
            _tell_left_out(str(error))
    return standard


@cache
def _tell_left_out(reason: str) -> None:
    """Warn once, since a plan asks for the standard attacks several times."""
    logger.warning("Left out: %s", reason)


def _built_in_defenses() -> list[str]:
    return [
        name for name in registry.names("defenses") if registry.find("defenses", name).package == registry.DISTRIBUTION
    ]
