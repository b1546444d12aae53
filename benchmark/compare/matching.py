"""Match the cells of two boards."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from ..errors import UsageError
from ..leaderboard.loading import SOURCE, BoardRow, load_board_rows
from ..leaderboard.results_folder import FIRST_RUN
from ..plan.references import KEY_COLUMNS
from ..registry import Kind
from ..registry.declared import declared

MATCH_COLUMNS = tuple(name for name in KEY_COLUMNS if name != "n_images")
"""The columns that matching cells share by default."""
PARAMETER_COLUMNS: dict[str, Kind] = {"defense_params": "defenses", "attack_params": "attacks"}
"""Columns of parameters, and the kind of their components."""


@dataclass(frozen=True)
class CellGroup:
    """The rows of one cell; one row per seed if seeds are averaged.

    Example:
        >>> CellGroup((BoardRow({"psnr_db": 20.0}), BoardRow({"psnr_db": 22.0}))).number("psnr_db")
        21.0
    """

    entries: tuple[BoardRow, ...]

    @property
    def done(self) -> list[BoardRow]:
        """The finished rows, which have scores."""
        return [entry for entry in self.entries if entry.values.get("status", "done") == "done"]

    def value(self, column: str) -> Any:
        """Return the value of a column, which all rows share; None if it is empty."""
        return self.entries[0].values.get(column)

    def texts(self, column: str) -> set[str]:
        """Return the texts of a column in the finished rows, each once."""
        return {str(entry.values[column]) for entry in self.done if column in entry.values}

    def number(self, column: str) -> float | None:
        """Return the mean of a column over the finished rows; None if one of them has no value."""
        values = [entry.number(column) for entry in self.done]
        known = [value for value in values if value is not None]
        return sum(known) / len(known) if known and len(known) == len(values) else None


@dataclass(frozen=True)
class ComparedBoard:
    """One of two boards of a comparison.

    Attributes:
        path: Path from which the board was read.
        entries: Rows of the board.
        published: Whether these are published results, which may leave out columns and parameters.

    Example:
        >>> ComparedBoard(Path("a.csv"), [BoardRow({"seed": 0})]).has("seed")
        True
    """

    path: Path
    entries: Sequence[BoardRow]
    published: bool = False

    @classmethod
    def read(cls, path: Path) -> ComparedBoard:
        """Read a leaderboard, a results folder or a published board.

        Raises:
            UsageError: If the path is none of these, damaged or empty.
        """
        entries, published = load_board_rows(path)
        if not entries:
            raise UsageError(f"Expected results to compare, got no rows in {path}. {FIRST_RUN}")
        return cls(path, entries, published)

    def has(self, column: str) -> bool:
        """Return whether all rows have a value in a column."""
        return all(column in entry.values for entry in self.entries)

    def groups(self, *, by_seed: bool) -> list[CellGroup]:
        """Return the rows in groups that differ only in their seed.

        Args:
            by_seed: Whether each seed is a group.

        Raises:
            UsageError: If two rows of a group have the same seed.
        """
        found: dict[Hashable, list[BoardRow]] = defaultdict(list)
        for entry in self.entries:
            names = [name for name in (*KEY_COLUMNS, "protocol", SOURCE) if by_seed or name != "seed"]
            found[tuple(str(entry.values.get(name)) for name in names)].append(entry)
        for twins in found.values():
            if len({entry.values.get("seed") for entry in twins}) < len(twins):
                ids = " and ".join(str(entry.values.get("cell_id", "a row")) for entry in twins[:2])
                raise UsageError(
                    f"Expected each cell once in {self.path}, got {ids} with the same key columns but of different "
                    "data or versions. Compare boards with one of them each."
                )
        return [CellGroup(tuple(entries)) for entries in found.values()]


def match(
    a: ComparedBoard, b: ComparedBoard, on: Sequence[str]
) -> tuple[list[tuple[CellGroup, CellGroup]], list[CellGroup], list[CellGroup]]:
    """Find the cells of two boards that agree in the columns ``on``.

    A published row matches any value in the columns that it leaves out. If it matches several cells of the other board,
    each of them is a pair. Seeds are averaged if ``on`` does not contain ``seed``.

    Returns:
        The pairs in the order of A, the cells of A without a partner, and the cells of B without a partner.

    Raises:
        UsageError: If a cell of a leaderboard has several partners in another, or a board has a cell twice.
    """
    left, right = a.groups(by_seed="seed" in on), b.groups(by_seed="seed" in on)
    pairs = _pairs(left, right, a, b, on)
    if not a.published and not b.published:
        _refuse_several(pairs, on, a, b)
    paired = {id(group) for pair in pairs for group in pair}
    return pairs, [one for one in left if id(one) not in paired], [one for one in right if id(one) not in paired]


def nearly(
    missing: Sequence[CellGroup], added: Sequence[CellGroup], a: ComparedBoard, b: ComparedBoard, on: Sequence[str]
) -> dict[str, int]:
    """Count, by column, the cells of A without a partner that would have one if ``on`` did not contain the column."""
    found = {}
    for column in on:
        pairs = _pairs(missing, added, a, b, [name for name in on if name != column])
        found[column] = len({id(one) for one, _ in pairs})
    return {column: count for column, count in found.items() if count}


def _pairs(
    left: Sequence[CellGroup], right: Sequence[CellGroup], a: ComparedBoard, b: ComparedBoard, on: Sequence[str]
) -> list[tuple[CellGroup, CellGroup]]:
    exact = [column for column in on if column not in PARAMETER_COLUMNS and a.has(column) and b.has(column)]
    rest = [column for column in on if column not in exact]
    where: dict[Hashable, list[CellGroup]] = defaultdict(list)
    for group in right:
        where[tuple(group.value(column) for column in exact)].append(group)
    return [
        (one, other)
        for one in left
        for other in where[tuple(one.value(column) for column in exact)]
        if all(_agree(column, one, other, loose=(a.published, b.published)) for column in rest)
    ]


def _agree(column: str, one: CellGroup, other: CellGroup, *, loose: tuple[bool, bool]) -> bool:
    here, there = one.value(column), other.value(column)
    if here is None or there is None:
        return True  # a published board may not have the column
    if here == there or column not in PARAMETER_COLUMNS:
        return here == there
    ours, theirs = _read_params(here), _read_params(there)
    if any(ours[key] != theirs[key] for key in ours.keys() & theirs.keys()):
        return False
    name = column.removesuffix("_params")
    return all(
        partial or _are_defaults(PARAMETER_COLUMNS[column], whole.value(name), params, known)
        for whole, params, known, partial in ((one, ours, theirs, loose[1]), (other, theirs, ours, loose[0]))
    )


@cache
def _read_params(text: str) -> dict[str, Any]:
    return json.loads(text)


def _are_defaults(kind: Kind, name: str, params: dict[str, Any], known: Iterable[str]) -> bool:
    """Return whether parameters that the other board does not know, as of an older version, have their defaults."""
    new = params.keys() - set(known)
    return not new or all(each in declared(kind, name).defaults.items() for each in params.items() if each[0] in new)


def _refuse_several(
    pairs: Sequence[tuple[CellGroup, CellGroup]], on: Sequence[str], a: ComparedBoard, b: ComparedBoard
) -> None:
    partners: dict[int, list[CellGroup]] = defaultdict(list)
    for one, other in pairs:
        partners[id(one)].append(other)
        partners[id(other)].append(one)
    for one, other in pairs:
        for group, side in ((one, b), (other, a)):
            several = partners[id(group)]
            if len(several) > 1:
                column = next(_differing(several[0], several[1]))
                values = " and ".join(str(each.value(column)) for each in several[:2])
                raise UsageError(
                    f"Expected one cell of {side.path} for each {','.join(on)}, got {len(several)} that differ in "
                    f"{column}: {values}. Add {column} to --on, or compare boards with one of them each."
                )


def _differing(one: CellGroup, other: CellGroup) -> Iterator[str]:
    yield from (name for name in (*KEY_COLUMNS, "protocol") if one.value(name) != other.value(name))
