"""Signs that rows of one defense are of different protected models, such as before and after a change of its code."""

from __future__ import annotations

from collections.abc import Iterator

from ..flags import Finding, FlagKind
from ..model_facts import COUNTS, RELATIVE_SLACK, UTILITIES, UTILITY_ROUNDING, UTILITY_SLACK
from ..records import Row
from ..row_labels import attack_label
from ..scored_rows import ScoredRows


def mixed_code(board: ScoredRows) -> Iterator[Finding]:
    """Find rows whose protected model is not that of the newest row of their defense, split and seed."""
    for rows in board.groups("attack", "attack_params"):
        newest = max(rows, key=lambda row: row.finished_at)
        for row in rows:
            if name := _different(row, newest):
                here, there = (_text(getattr(each, name)) for each in (row, newest))
                found = f"has {name} {here}, and {attack_label(newest)} {there} on the same defense and seed"
                yield Finding.of(row, found, newest)


def _different(row: Row, other: Row) -> str | None:
    """Return the first column in which the protected models of two rows differ by more than rounding and chance."""
    for name in (*UTILITIES, *COUNTS, *RELATIVE_SLACK):
        here, there = getattr(row, name), getattr(other, name)
        if here is not None and there is not None and abs(here - there) > _slack(name, row, other):
            return name
    return None


def _slack(name: str, row: Row, other: Row) -> float:
    if name in UTILITIES:
        images = min(row.accuracy_images or 1, other.accuracy_images or 1)
        one_network = row.accuracy_undefended is not None and row.accuracy_undefended == other.accuracy_undefended
        return (UTILITY_ROUNDING if one_network else UTILITY_SLACK) + 1 / images
    return RELATIVE_SLACK.get(name, 0) * max(getattr(row, name), getattr(other, name))


def _text(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:.4g}"


KIND = FlagKind(
    identifier="mixed-code",
    meaning="Rows of one defense and seed have different accuracies, costs or promises, which no attack changes.",
    causes=(
        "The code of the defense, the model or the dataset, or the data, changed between two runs, and no version.",
        "The network was trained anew, or on another machine, and became another one.",
    ),
    remedy="Raise the `version` of what changed, or delete the older records if nothing did, and rerun.",
    find=mixed_code,
)
