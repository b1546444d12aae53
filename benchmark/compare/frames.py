"""Turn a comparison into a table, for programs and for people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from ..leaderboard.columns import DECIMALS
from ..leaderboard.loading import SOURCE
from ..plan.references import KEY_COLUMNS
from .cell_names import SHORT_NAMES, column_texts, names
from .differences import Change, Difference
from .same_images import PER_IMAGE

SHOWN_DECIMALS = DECIMALS | {"ssim": 3}


def full(differences: Sequence[Difference]) -> pd.DataFrame:
    """Return all values, for programs: one row per cell, including cells that are the same.

    A key column in which the boards agree in all cells appears once. Other columns appear once per board, as
    ``defense_params_a``.
    """
    columns = (*KEY_COLUMNS, SOURCE, "cell_id")
    texts = [[(column_texts(name, each.a), column_texts(name, each.b)) for name in columns] for each in differences]
    equal = [len({*pair} - {None}) <= 1 for pairs in texts for pair in pairs]
    single = [name for at, name in enumerate(columns) if all(equal[at :: len(columns)])]
    lines = []
    for each, pairs in zip(differences, texts, strict=True):
        line: dict[str, Any] = {"state": each.state}
        for name, (one, other) in zip(columns, pairs, strict=True):
            line |= {name: one or other} if name in single else {f"{name}_a": one, f"{name}_b": other}
        for column, change in each.changes.items():
            line |= {f"{column}_a": change.before, f"{column}_b": change.after, f"{column}_change": change.delta}
            if column in PER_IMAGE:
                line |= {f"{column}_change_low": change.low, f"{column}_change_high": change.high}
                line |= {f"{column}_p": change.p, f"{column}_test": change.test}
        lines.append(line | {"note": _note(each)})
    return pd.DataFrame(lines)


def short(differences: Sequence[Difference], chosen: Sequence[str] = ()) -> tuple[str, pd.DataFrame, int]:
    """Return the differences, for people.

    Args:
        differences: At least one.
        chosen: Columns to show, in this order; none shows names, scores and notes.

    Returns:
        The parts of the names that all rows share, a table of the rest, and how many of its first columns name a row.
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
    if chosen:
        whole = frame.assign(state=states, **{name: named[name] for name in SHORT_NAMES}).loc[:, list(chosen)]
        return "", whole, 1
    if utility_is_accuracy(differences):
        frame = frame.drop(columns="utility")
    empty = [name for name in frame.columns[named_by:] if set(frame[name].tolist()) == {""}]
    frame = frame.drop(columns=empty)
    common = {name: str(named[name].iloc[0]) for name in shared}
    return ", ".join(f"{name} {value}" for name, value in common.items() if value), frame, named_by


def significant(frame: pd.DataFrame) -> pd.DataFrame:
    """Return which texts of a table of ``short`` are significant changes, which end in an asterisk."""
    return frame.map(lambda text: str(text).endswith("*"))


def utility_is_accuracy(differences: Sequence[Difference]) -> bool:
    """Return whether the utility is the accuracy in all cells of both boards, so that one of them says it all."""
    pairs = [
        pair
        for utility, accuracy in ((each.changes["utility"], each.changes["accuracy"]) for each in differences)
        for pair in ((utility.before, accuracy.before), (utility.after, accuracy.after))
    ]
    return all(utility is None or utility == accuracy for utility, accuracy in pairs)


def _without_common_start(sources: list[str]) -> list[str]:
    """Return the first part of ``paper, table, cell`` in which the sources differ."""
    split = [source.split(", ") for source in sources]
    filled = [parts for parts in split if parts != [""]]
    common = 0
    while filled and all(len(parts) > common + 1 and parts[common] == filled[0][common] for parts in filled):
        common += 1
    return [parts[common] if len(parts) > common else "" for parts in split]


def _text(column: str, change: Change) -> str:
    decimals = SHOWN_DECIMALS.get(column, 4)
    before, after = ("" if value is None else f"{value:.{decimals}f}" for value in (change.before, change.after))
    if change.delta is None:
        return f"{before} -> {after}".strip() if before or after else ""
    return (
        f"{before} -> {after} {change.delta:+.{decimals}f}{'*' if change.significant else ''}"
        if change.delta
        else after
    )


def _note(each: Difference) -> str:
    notes = []
    for side, group in (("A", each.a), ("B", each.b)):
        if not group:
            continue
        notes += [
            f"{entry.values.get('status')} in {side}: {entry.values.get('reason', '')}"
            for entry in group.entries
            if entry not in group.done
        ]
    return "; ".join(notes)
