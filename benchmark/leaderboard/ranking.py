"""From leaderboards to one line per defense: the worst case over the attacks."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any

import pandas as pd

from ..errors import UsageError
from ..metrics.pareto import Estimate, Point, beaten_by
from ..registry import nearest
from ..registry.labels import label
from .audits import audit
from .completeness import Place, by_line, each_once, find_gaps, is_scored
from .flag_kinds import INCOMPLETE
from .line import COLUMNS, HIGHEST_FIRST, Line, make_line
from .line_uncertainty import MEASURES, accuracy_estimate, leak_estimates
from .store import Record, Row


def rank(rows: Iterable[Row], records: Mapping[str, Record], sort: str = "psnr_db") -> pd.DataFrame:
    """Rank defenses by what the strongest attacks recover: the best protected first, incomplete ones last.

    The rule is stated in docs/ranking.md, with an example by hand.

    Args:
        rows: of one or several leaderboards.
        records: the records at hand, by cell; without them the strongest attack's mean stands in for the worst case
            per image, which is lower.
        sort: the column whose best values come first at each place; ties go by PSNR. Incomplete lines come behind
            complete ones, and those without a value last.

    Returns:
        One line per defense with its parameters; the columns are the fields of ``Line``.

    Raises:
        UsageError: if two rows say the same of different data or versions, or there is no column to sort by.
    """
    return to_frame(line for lines, _ in rank_places(rows, records, sort).values() for line in lines)


def to_frame(lines: Iterable[Line]) -> pd.DataFrame:
    """Make a ranking of lines, in their order."""
    return pd.DataFrame([asdict(line) for line in lines], columns=COLUMNS)


Rivals = dict[str, list[list[int]]]
"""By measure, for each line the positions of the lines that surely beat it in accuracy kept and in the measure."""


def rank_places(
    rows: Iterable[Row], records: Mapping[str, Record], sort: str = "psnr_db"
) -> dict[Place, tuple[list[Line], Rivals]]:
    """Rank as ``rank`` does; the lines of each place in their order, and which of them beat each other."""
    if sort not in COLUMNS:
        raise UsageError(f"--sort is {sort!r}{nearest(sort, COLUMNS)}; allowed: {', '.join(COLUMNS)}")
    rows = each_once(rows)
    lacking = {(gap.place, gap.defense) for gap in find_gaps(rows)}
    names: dict[str, set[str]] = defaultdict(set)
    for flag in audit(rows, records):
        if flag.name != INCOMPLETE:  # which has a column of its own
            names[flag.cell_ids[0]].add(flag.name)
    found = {}
    for place, lines in sorted(by_line(rows).items()):
        here = [_contender(cells, records, names, (place, each) not in lacking) for each, cells in lines.items()]
        for key in ("defense_params", "defense", "psnr_db", sort):  # each sort keeps the order of the one before
            here.sort(key=partial(_order, key))
        rivals = {measure: _rivals(here, measure) for measure in MEASURES}
        front = {index for index in _able(here, "psnr_db") if not rivals["psnr_db"][index]}
        found[place] = [replace(each.line, pareto=index in front) for index, each in enumerate(here)], rivals
    return found


@dataclass(frozen=True)
class _Contender:
    """A line with what the Pareto front is made of: what is recovered, by measure, and the lost share of accuracy."""

    line: Line
    leaks: dict[str, Estimate]
    loss: Estimate | None

    def point(self, measure: str) -> Point | None:
        """What is lost, in accuracy and by a measure; None for a line that may neither be on the front nor beat."""
        if self.line.incomplete or self.loss is None or measure not in self.leaks:
            return None
        return self.leaks[measure], self.loss


def _contender(
    cells: Sequence[Row], records: Mapping[str, Record], names: Mapping[str, set[str]], complete: bool
) -> _Contender:
    scored = [row for row in cells if is_scored(row)]
    flags = {name for row in cells for name in names.get(row.cell_id, ())}
    line = make_line(cells, records, flags=flags, complete=complete)
    leaks = leak_estimates(scored, records, complete=complete)
    return _Contender(line, leaks, _loss(accuracy_estimate(scored), line.accuracy_undefended))


def _loss(accuracy: Estimate | None, undefended: float | None) -> Estimate | None:
    """The accuracy kept, as a share of the undefended one, with its sign turned: less is better."""
    if accuracy is None or not undefended:
        return None
    low, high = (None if end is None else -end / undefended for end in (accuracy.high, accuracy.low))
    return Estimate(-accuracy.value / undefended, low, high)


def _rivals(here: Sequence[_Contender], measure: str) -> list[list[int]]:
    points = _able(here, measure)
    able = [*points]
    beaten: list[list[int]] = [[] for _ in here]
    for index, by in zip(able, beaten_by([*points.values()]), strict=True):
        beaten[index] = [able[rival] for rival in by]
    return beaten


def _able(here: Sequence[_Contender], measure: str) -> dict[int, Point]:
    """By position, the points of the lines that may be on the front."""
    points = {index: each.point(measure) for index, each in enumerate(here)}
    return {index: point for index, point in points.items() if point is not None}


def _order(column: str, contender: _Contender) -> tuple[bool, bool, bool, Any]:
    line = contender.line
    value = getattr(line, column)
    known = value is not None
    return line.psnr_db is None, line.incomplete, not known, (-value if column in HIGHEST_FIRST and known else value)


def shorten(ranked: pd.DataFrame) -> pd.DataFrame:
    """Leave out of a ranking what tells little.

    Of the parameters, this is what has its default value, and the same value in all lines of their defense; and
    ``worst_case``, where all lines are ``per image``.
    """
    short = ranked.drop(columns=["accuracy_undefended", "attacks", "seeds"])
    if set(short["worst_case"].tolist()) <= {"per image", ""}:
        short = short.drop(columns="worst_case")
    return with_labels(short).drop(columns="defense_params")


def with_labels(ranked: pd.DataFrame) -> pd.DataFrame:
    """Return a ranking whose column ``defense`` holds labels, as ``dp_ir:sigma=0.1``, instead of bare names."""
    chosen = [
        (name, json.loads(params)) for name, params in zip(ranked["defense"], ranked["defense_params"], strict=True)
    ]
    labels = [
        label("defenses", name, params, [other for also, other in chosen if also == name]) for name, params in chosen
    ]
    return ranked.assign(defense=labels)
