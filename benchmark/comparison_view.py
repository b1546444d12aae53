"""A comparison as its reader sees it: names, one text per score, and what to bear in mind."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import pandas as pd

from .board import NAMES
from .comparing import Change, Difference
from .labels import label
from .loading import SOURCE
from .matching import KINDS, Group, Side, nearly
from .tables import PLACES

DECIMALS = PLACES | {"ssim": 3}
SHORT_NAMES: tuple[str, ...] = ("dataset", "model", "split", "defense", "attack", "seed", "n_images", SOURCE)
"""What names a cell to people: parameters are part of the labels."""


def full(differences: Sequence[Difference]) -> pd.DataFrame:
    """Everything, for programs: one line per cell, also for cells that are the same."""
    lines = []
    for each in differences:
        line: dict[str, Any] = {"state": each.state}
        for name in (*NAMES, SOURCE, "cell_id"):
            line[f"{name}_a"] = each.a.value(name) if each.a else None
            line[f"{name}_b"] = each.b.value(name) if each.b else None
        for column, change in each.changes.items():
            line |= {f"{column}_a": change.before, f"{column}_b": change.after, f"{column}_change": change.delta}
            if change.test:
                line |= {f"{column}_change_low": change.low, f"{column}_change_high": change.high}
                line |= {f"{column}_p": change.p, f"{column}_test": change.test}
        lines.append(line | {"note": _note(each)})
    frame = pd.DataFrame(lines)
    return frame.drop(columns=[name for name in frame if str(name).endswith("_b") and _adds_nothing(frame, str(name))])


def _adds_nothing(frame: pd.DataFrame, name: str) -> bool:
    """Whether a name in B is the same as in A wherever both have one; the columns of A are then filled up."""
    first = f"{name.removesuffix('_b')}_a"
    if name.removesuffix("_b") not in (*NAMES, SOURCE):
        return False
    pairs = list(zip(frame[first], frame[name], strict=True))
    if any(not pd.isna(one) and not pd.isna(other) and one != other for one, other in pairs):
        return False
    frame[first] = [other if pd.isna(one) else one for one, other in pairs]
    return True


def short(differences: Sequence[Difference]) -> tuple[str, pd.DataFrame, int]:
    """What differs, for people.

    Returns:
        The names that all lines share, a table of the rest, and how many of its first columns name a line.
    """
    named = pd.DataFrame([names(each, differences) for each in differences], columns=list(SHORT_NAMES))
    named[SOURCE] = _without_common_start(named[SOURCE].tolist())
    shared = [name for name in SHORT_NAMES if len(set(named[name])) == 1]
    frame = named.drop(columns=shared)
    states = [each.state for each in differences]
    if set(states) != {"changed"}:
        frame.insert(0, "", states)
    named_by = len(frame.columns)
    for column in differences[0].changes:
        frame[column] = [_text(column, each.changes[column]) for each in differences]
    frame["note"] = [_note(each) for each in differences]
    empty = [name for name in frame.columns[named_by:] if set(frame[name].tolist()) == {""}]
    frame = frame.drop(columns=empty)
    return ", ".join(f"{name} {named[name][0]}" for name in shared if named[name][0]), frame, named_by


def _without_common_start(sources: list[str]) -> list[str]:
    """Of ``paper, table, cell`` the first part in which the sources differ: cells are named by other columns."""
    split = [source.split(", ") for source in sources]
    said = [parts for parts in split if parts != [""]]
    common = 0
    while said and all(len(parts) > common + 1 and parts[common] == said[0][common] for parts in said):
        common += 1
    return [parts[common] if len(parts) > common else "" for parts in split]


def names(each: Difference, among: Sequence[Difference] = ()) -> list[str]:
    """What names a cell, in the order of ``SHORT_NAMES``; ``x -> y`` where the boards differ."""
    sides = [side for side in (each.a, each.b) if side]
    found = []
    for name in SHORT_NAMES:
        if f"{name}_params" in KINDS:
            found.append(_label(name, sides, [side for other in among for side in (other.a, other.b) if side]))
            continue
        values = [", ".join(dict.fromkeys(str(entry.values.get(name, "")) for entry in side.entries)) for side in sides]
        found.append(" -> ".join(dict.fromkeys(filter(None, values))))
    return found


def _label(name: str, sides: Sequence[Group], among: Sequence[Group]) -> str:
    """The label of a defense or an attack; parameters that one board leaves open are those of the other."""
    column = f"{name}_params"
    chosen = [json.loads(side.value(column) or "{}") for side in sides]
    known = {key: value for params in reversed(chosen) for key, value in params.items()}
    merged = {}
    for key in sorted(known):
        values = dict.fromkeys(json.dumps(params.get(key, known[key])) for params in chosen)
        merged[key] = known[key] if len(values) == 1 else "->".join(values)
    component = " -> ".join(dict.fromkeys(str(side.value(name)) for side in sides))
    alike = [known | json.loads(other.value(column) or "{}") for other in among if other.value(name) == component]
    return label(KINDS[column], component, merged, [params for params in alike if params.keys() == known.keys()])


def _text(column: str, change: Change) -> str:
    places = DECIMALS.get(column, 4)
    before, after = ("" if value is None else f"{value:.{places}f}" for value in (change.before, change.after))
    if change.delta is None:
        return f"{before} -> {after}".strip() if before or after else ""
    return (
        f"{before} -> {after} {change.delta:+.{places}f}{'*' if change.significant else ''}" if change.delta else after
    )


def _note(each: Difference) -> str:
    said = []
    for side, group in (("A", each.a), ("B", each.b)):
        if not group:
            continue
        said += [
            f"{entry.values.get('status')} in {side}: {entry.values.get('reason', '')}"
            for entry in group.entries
            if entry not in group.done
        ]
        if len(group.done) > 1:
            said.append(f"mean of {len(group.done)} seeds in {side}")
    return "; ".join(said)


def remarks(differences: Sequence[Difference], a: Side, b: Side, on: Sequence[str]) -> list[str]:
    """What to bear in mind, one sentence each: the count of cells, the tests, and what could not be matched."""
    count: Callable[[str], int] = [each.state for each in differences].count
    both = count("same") + count("changed")
    said = [
        f"{both} cells in both boards: {count('changed')} changed, {count('same')} the same; "
        f"{count('missing')} only in A, {count('added')} only in B"
    ]
    tests = [change.test for each in differences for change in each.changes.values() if change.p is not None]
    if tests:
        ways = [
            f"{tests.count(test)} {what}"
            for test, what in (
                ("paired", "by Wilcoxon's test over the same private images"),
                ("intervals", "from the intervals of the means, as the values of the same images are not at hand"),
            )
            if test in tests
        ]
        said.append(f"* more than chance: p < 0.05 by Holm's method over {len(tests)} tests, {' and '.join(ways)}")
    elif count("changed"):
        said.append("nothing is tested: there are no values of images or intervals on both boards")
    for name, side in (("A", a), ("B", b)):
        if side.published:
            said.append(f"{name} holds published figures, of another protocol, training and choice of images")
    missing, added = ([each for each in differences if each.state == state] for state in ("missing", "added"))
    near = nearly([each.a for each in missing if each.a], [each.b for each in added if each.b], a, b, on)
    for column, cells in near.items():
        if column in ("attack", "defense"):
            continue  # other attacks and defenses are other questions
        others = ",".join(name for name in on if name != column)
        said.append(f"{cells} of the cells only in A differ from one only in B in {column} alone: --on {others}")
    return said
