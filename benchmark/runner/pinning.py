"""What a plan leaves open until the network is built: which cuts are meant, and which weights code loads."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from itertools import groupby
from typing import cast

from ..errors import UsageError, reason_of
from ..evaluation.artifacts import Artifacts
from ..interfaces import Dataset, Model
from ..interfaces.stages import find_cuts
from ..plan.cells import Cell, Setting
from ..registry.specs import ResolvedComponent
from ..utils.plurals import count_of
from ..utils.texts import as_typed

logger = logging.getLogger(__name__)


def pin_cells(
    cells: Iterable[Cell], artifacts: Artifacts, cuts_in_workers: Mapping[Setting, Sequence[str]] | None = None
) -> list[Cell]:
    """Replace patterns and other names of splits by the names of cuts; each cell is there once.

    Args:
        cells: What is planned.
        artifacts: Builds networks, and knows the facts of datasets of plug-ins.
        cuts_in_workers: The cuts of settings with data or a model of a plug-in, which only worker processes build.
            Those that are missing are left as they are.

    Raises:
        UsageError: If a network cannot be built, or has no such cut.
    """
    found: dict[Cell, None] = {}
    for setting, together in groupby(cells, key=lambda cell: cell.setting):
        attacks = [cell.attack for cell in together]
        for pinned in _pinned(setting, artifacts, (cuts_in_workers or {}).get(setting, [setting.split])):
            found.update(dict.fromkeys(Cell(pinned, attack) for attack in attacks))
    return list(found)


def _pinned(setting: Setting, artifacts: Artifacts, cuts_in_worker: Sequence[str]) -> Iterator[Setting]:
    facts = artifacts.facts(setting.dataset)
    if setting.fewer_suffice and facts.private < setting.images:
        _tell_fewer(setting.dataset.label, facts.private)
        setting = replace(setting, images=facts.private)
    if setting.in_worker and setting.model.is_plugin:
        yield from (replace(setting, split=cut) for cut in cuts_in_worker)
        return
    pinned = cast(Model, setting.model.component).pinned(facts.image_shape, facts.classes)
    model = ResolvedComponent(setting.model.entry, pinned)
    if pinned.given_weights and not cast(Model, setting.model.component).given_weights:
        _tell_given(setting.model.label)
    cuts = cuts_in_worker if setting.in_worker else cuts_of(replace(setting, model=model), artifacts)
    yield from (replace(setting, model=model, split=cut) for cut in cuts)


@cache
def _tell_fewer(dataset: str, count: int) -> None:
    logger.info("%s has %s, and all are attacked.", dataset, count_of(count, "private image"))


@cache
def _tell_given(label: str) -> None:
    """Warn once that weights are not trained, since a function that sets a seed returns equal untrained ones, too."""
    logger.warning(
        "%s returns the same weights each time, so they are used as they are and are not trained. If they are not "
        "trained weights, do not set a seed in the function.",
        label,
    )


def cuts_of(setting: Setting, artifacts: Artifacts) -> Sequence[str]:
    """Return the cuts that the split of a setting means, which may be a pattern.

    Raises:
        UsageError: If the network cannot be built, or has no such cut.
    """
    layers = artifacts.targets.structure(setting.dataset, setting.model).layers
    try:
        return find_cuts(layers, setting.split)
    except UsageError as error:
        dataset = cast(Dataset, setting.dataset.component)
        if setting.split != dataset.split or setting.model.name == dataset.model:
            raise
        shown = as_typed("mia-bench", "show", setting.model.with_paths())
        where = "" if setting.model.is_object else f" See `{shown}`."
        raise UsageError(
            f"Expected a split, since the one that {setting.dataset.name} recommends is of {dataset.model}: "
            f"{reason_of(error)}.{where}"
        ) from error
