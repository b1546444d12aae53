"""Compare two boards and check conditions: the command ``mia-bench compare``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..compare.cell_names import SHORT_NAMES
from ..compare.conditions import CELL_COUNTS, parse_condition
from ..compare.differences import COMPARED_COLUMNS, Difference, compare, effective
from ..compare.frames import full, short, significant, utility_is_accuracy
from ..compare.matching import MATCH_COLUMNS, ComparedBoard
from ..compare.remarks import remarks
from ..compare.violations import violations
from ..errors import UsageError
from ..leaderboard.records import COLUMNS, NUMBERS
from ..registry import suggestion
from ..utils.plurals import count_of
from ..utils.texts import one_line, say
from .column_choice import parse_columns
from .console import print_fitted
from .tables import print_frame

DISPENSABLE = ("utility", "ssim", "accuracy")
"""Columns that a narrow table does without, the first ones first."""


def compare_boards(
    a: Path,
    b: Path,
    *,
    on: str | None,
    fail_if: Sequence[str],
    notation: str,
    columns: str | None = None,
    wide: bool = False,
) -> int:
    """Run ``mia-bench compare``.

    Args:
        a: Leaderboard, results folder or published board.
        b: The leaderboard, results folder or published board to compare with it.
        on: Columns that matching cells share, separated by commas; None for the columns that identify a cell.
        fail_if: Conditions under which to fail, as ``psnr_db > +0.5``.
        notation: ``table``, ``csv``, ``markdown``, ``latex`` or ``html``.
        columns: Columns to print, separated by commas, in this order; None for names and scores.
        wide: Whether a table has all columns, rather than those that fit the terminal or 100 columns.

    Returns:
        The exit code: 1 if a condition is met, else 0.

    Raises:
        UsageError: If a board, a column or a condition is invalid, or no cell allows a condition to be checked.
    """
    match_on = _columns(on) if on else list(MATCH_COLUMNS)
    known = tuple(dict.fromkeys(("state", *SHORT_NAMES, *NUMBERS, "note")))
    if columns is not None and notation == "csv":
        raise UsageError("Expected no --columns for --format csv, which has all columns. Leave out one of them.")
    chosen = [] if columns is None else parse_columns(columns, known, table="comparison", example="attack,psnr_db")
    conditions = [parse_condition(text, NUMBERS) for several in fail_if for text in several.split(",")]
    sides = ComparedBoard.read(a), ComparedBoard.read(b)
    extra = [condition.column for condition in conditions if condition.column not in CELL_COUNTS]
    extra += [name for name in chosen if name in NUMBERS]
    differences = compare(*sides, match_on, extra)
    found = [sentence for condition in conditions for sentence in violations(condition, differences)]
    _print(differences, sides, effective(match_on, *sides), notation, chosen=chosen, wide=wide)
    missing = sum(each.state == "missing" for each in differences)
    if conditions and missing:
        say(
            f"{count_of(missing, 'cell of A is', 'cells of A are')} missing in B, so conditions on changes were not "
            "checked there. Add --fail-if 'missing > 0' to fail in this case.",
            err=True,
        )
    for sentence in found:
        say(one_line(f"Failed: {sentence}."), err=True)
    return 1 if found else 0


def _columns(on: str) -> list[str]:
    chosen = [column.strip() for column in on.split(",") if column.strip()]
    for column in chosen:
        if column not in COLUMNS:
            raise UsageError(
                f"Expected columns of a leaderboard for --on, got {column!r}{suggestion(column, COLUMNS)} "
                f"Cells are identified by {','.join(MATCH_COLUMNS)}."
            )
    if not chosen:
        raise UsageError(f"Expected columns for --on, got {on!r}. Name some, as in {','.join(MATCH_COLUMNS)}.")
    return chosen


def _print(
    differences: Sequence[Difference],
    sides: tuple[ComparedBoard, ComparedBoard],
    on: Sequence[str],
    notation: str,
    *,
    chosen: Sequence[str],
    wide: bool,
) -> None:
    if notation == "csv":
        print_frame(full(differences), "csv")
    shown = [each for each in differences if each.state != "same"]
    if shown and notation != "csv":
        shared, frame, named_by = short(shown, chosen)
        outside = notation in ("latex", "html")
        where = f"A {sides[0].path}, B {sides[1].path}{': ' if shared else ''}{shared}"
        say(one_line(where) + ("" if outside else "\n"), err=outside)
        if notation == "table":
            print_fitted(frame, DISPENSABLE, named_by=named_by, wide=wide or bool(chosen))
        else:
            print_frame(frame, notation, significant(frame))
        say(err=outside)
    elif notation != "csv":
        compared = dict.fromkeys((*COMPARED_COLUMNS, *differences[0].changes))
        hidden = {"utility"} if utility_is_accuracy(differences) else set[str]()
        say(f"No change in {', '.join(name for name in compared if name not in hidden)}.")
    for remark in remarks(differences, *sides, on):
        say(one_line(remark), err=notation in ("csv", "latex", "html"))
