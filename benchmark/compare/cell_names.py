"""Name the cells of a comparison for people."""

from __future__ import annotations

import json
from collections.abc import Sequence

from ..leaderboard.loading import SOURCE
from ..registry.labels import label, varying
from .differences import Difference
from .matching import PARAMETER_COLUMNS, CellGroup

SHORT_NAMES: tuple[str, ...] = ("dataset", "model", "split", "defense", "attack", "seed", "n_images", SOURCE)
"""Columns that name a cell; parameters are part of the labels of defense and attack."""


def title(each: Difference) -> str:
    """Return the name of a cell on one line."""
    by = dict(zip(SHORT_NAMES, names(each), strict=True))
    seed, source = (f"seed {by['seed']}" if by["seed"] else ""), (f"({by[SOURCE]})" if by[SOURCE] else "")
    return " ".join(filter(None, (*(by[name] for name in SHORT_NAMES[:5]), seed, source)))


def column_texts(name: str, group: CellGroup | None) -> str | None:
    """Return the texts of a column in the rows of a group, each once; None if there are none."""
    values = {entry.values[name] for entry in group.entries if name in entry.values} if group else ()
    return ", ".join(map(str, sorted(values))) or None


def names(each: Difference, among: Sequence[Difference] = ()) -> list[str]:
    """Return the parts of a cell's name in the order of ``SHORT_NAMES``; ``x -> y`` where the boards differ."""
    sides = [side for side in (each.a, each.b) if side]
    found = []
    for name in SHORT_NAMES:
        if f"{name}_params" in PARAMETER_COLUMNS:
            found.append(_label(name, sides, [side for other in among for side in (other.a, other.b) if side]))
            continue
        found.append(" -> ".join(dict.fromkeys(filter(None, (column_texts(name, side) for side in sides)))))
    return found


def _label(name: str, sides: Sequence[CellGroup], among: Sequence[CellGroup]) -> str:
    """Return the label of a defense or an attack. Parameters that one board leaves open are taken from the other."""
    column = f"{name}_params"
    chosen = [json.loads(side.value(column) or "{}") for side in sides]
    known = {key: value for params in reversed(chosen) for key, value in params.items()}
    merged = {}
    for key in sorted(known):
        values = dict.fromkeys(json.dumps(params.get(key, known[key])) for params in chosen)
        merged[key] = known[key] if len(values) == 1 else "->".join(values)
    component = " -> ".join(dict.fromkeys(str(side.value(name)) for side in sides))
    of_name = [known | json.loads(other.value(column) or "{}") for other in among if other.value(name) == component]
    alike = [params for params in of_name if params.keys() == known.keys()]
    return label(PARAMETER_COLUMNS[column], component, merged, varying([merged, *alike]))
