"""Rank defenses by their worst case over the attacks: one row per defense."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import starmap
from typing import Any, get_type_hints

import pandas as pd

from ..errors import UsageError
from ..metrics.pareto import Estimate, Point, beaten_by
from ..plan.references import REFERENCE_DEFENSE
from ..registry import suggestion
from ..registry.labels import labeler
from ..utils.plurals import count_of
from .auditing import audit
from .completeness import Component, ScenarioKey, by_defense, each_once, find_gaps, is_scored
from .flag_kinds import INCOMPLETE
from .ranked_defense import COLUMNS, HIGHEST_FIRST, RankedDefense, describe_defense, with_undefended
from .ranking_uncertainty import MEASURES, leak_estimates, utility_estimate
from .records import Record, Row


def rank(rows: Iterable[Row], records: Mapping[str, Record], sort: str = "psnr_db") -> pd.DataFrame:
    """Rank defenses by what the strongest attacks recover: the best protected first, incomplete ones last.

    The rule is stated in docs/explanation/ranking.md, with a worked example.

    Args:
        rows: Rows of one or several leaderboards.
        records: Available records by cell. Without them, the mean of the strongest attack replaces the worst case
            per image; it is lower.
        sort: The column whose best values come first in each scenario; ties are resolved by PSNR. Incomplete defenses
            come after complete ones, and defenses without a score come last.

    Returns:
        One row per defense with its parameters; the columns are the fields of ``RankedDefense``.

    Raises:
        UsageError: If two rows are the same cell of different data or versions, if rows of one scenario have different
            utility metrics, or if ``sort`` is not a column.

    Example:
        >>> list(rank([], {}).columns[:6])
        ['dataset', 'model', 'split', 'n_images', 'defense', 'defense_params']
    """
    return to_frame(each for ranked, _ in rank_scenarios(rows, records, sort).values() for each in ranked)


def to_frame(ranked: Iterable[RankedDefense]) -> pd.DataFrame:
    """Return ranked defenses as a data frame, in their order. Columns of numbers are such even without a value."""
    frame = pd.DataFrame([asdict(each) for each in ranked], columns=COLUMNS)
    types: dict[Any, str] = {float | None: "float64", int | None: "Int64"}
    hints = get_type_hints(RankedDefense)
    return frame.astype({name: types[hint] for name, hint in hints.items() if hint in types})


Rivals = dict[str, list[list[int] | None]]
"""By measure, for each defense the positions of those that surely beat it in utility kept and in the measure.

None for a defense that the Pareto front ignores: an incomplete one, or one without a score or without the utility kept.
"""


def rank_scenarios(
    rows: Iterable[Row], records: Mapping[str, Record], sort: str = "psnr_db"
) -> dict[ScenarioKey, tuple[list[RankedDefense], Rivals]]:
    """Rank as ``rank`` does, by scenario.

    Returns:
        The defenses of each scenario in their order, and which of them beat each other.

    Raises:
        UsageError: If two rows are the same cell of different data or versions, if rows of one scenario have different
            utility metrics, or if ``sort`` is not a column.
    """
    if sort not in COLUMNS:
        raise UsageError(
            f"Expected a column of a ranking for --sort, got {sort!r}{suggestion(sort, COLUMNS)} "
            f"Available: {', '.join(COLUMNS)}."
        )
    rows = each_once(rows)
    lacking = {(gap.scenario, gap.defense) for gap in find_gaps(rows)}
    names: dict[str, set[str]] = defaultdict(set)
    for flag in audit(rows, records):
        if flag.name != INCOMPLETE:  # it has its own column
            names[flag.cell_ids[0]].add(flag.name)
    found = {}
    for scenario, defenses in sorted(by_defense(rows).items(), key=_network_order):
        _check_metric(scenario, defenses)
        plain = _undefended(defenses)
        here = [
            _contender(cells, records, names, plain, (scenario, each) not in lacking)
            for each, cells in defenses.items()
        ]
        rivals = {measure: _rivals(here, measure) for measure in MEASURES}
        ranked = [
            replace(each.defense, pareto=beaten == []) for each, beaten in zip(here, rivals["psnr_db"], strict=True)
        ]
        order = [*range(len(ranked))]
        for key in ("defense_params", "defense", "psnr_db", sort):  # each sort keeps the order of the one before
            order.sort(key=lambda index, key=key: _order(key, ranked[index]))
        found[scenario] = [ranked[index] for index in order], _reordered(rivals, order)
    return found


def _check_metric(scenario: ScenarioKey, defenses: Mapping[Component, Sequence[Row]]) -> None:
    """Raise UsageError if rows of a scenario measure the utility in different ways, so that they cannot be compared."""
    metrics = {row.utility_metric: row for cells in defenses.values() for row in cells if row.utility_metric}
    if len(metrics) > 1:
        dataset, model, split, images = scenario
        found = " and ".join(f"{name} (cell {row.cell_id})" for name, row in sorted(metrics.items()))
        raise UsageError(
            f"Expected one utility metric for {dataset} {model} {split} with {count_of(images, 'image')}, got {found}. "
            "Give leaderboards of different tasks to separate commands."
        )


def _network_order(scenario: tuple[ScenarioKey, Mapping[Any, Sequence[Row]]]) -> tuple[Any, ...]:
    """Order the splits of one network as they follow each other, by what the undefended client computes and sends.

    Operations and parameters of the client never decrease along a network. Layers that add neither, such as pooling,
    do not send more than the layer before them, and activations of the same size are in the order of their names.
    """
    (dataset, model, split, images), defenses = scenario
    rows = [row for cells in defenses.values() for row in cells]
    plain = [row for row in rows if row.defense == REFERENCE_DEFENSE] or rows

    def least(column: str) -> float:
        return min((value for row in plain if (value := getattr(row, column)) is not None), default=0)

    return dataset, model, least("client_macs"), least("client_params"), -least("wire_bytes"), split, images


@dataclass(frozen=True)
class _Contender:
    """A defense with the coordinates of the Pareto front: what is recovered, by measure, and the loss of utility."""

    defense: RankedDefense
    leaks: dict[str, Estimate]
    loss: Estimate | None

    def point(self, measure: str) -> Point | None:
        """Return what is recovered and the loss of utility; None for a defense that the front ignores."""
        if self.defense.incomplete or self.loss is None or measure not in self.leaks:
            return None
        return self.leaks[measure], self.loss


def _undefended(defenses: Mapping[Component, Sequence[Row]]) -> dict[int, float]:
    """Return the utility of the undefended network by seed."""
    rows = [row for (name, _), cells in defenses.items() for row in cells if name == REFERENCE_DEFENSE]
    return {row.seed: row.utility for row in rows if is_scored(row) and row.utility is not None}


def _contender(
    cells: Sequence[Row],
    records: Mapping[str, Record],
    names: Mapping[str, set[str]],
    undefended: Mapping[int, float],
    complete: bool,
) -> _Contender:
    scored = [row for row in cells if is_scored(row)]
    flags = {name for row in cells for name in names.get(row.cell_id, ())}
    described = describe_defense(cells, records, undefended=undefended, flags=flags, complete=complete)
    leaks = leak_estimates(scored, records, complete=complete)
    utility = utility_estimate(with_undefended(scored, undefended), records)
    return _Contender(described, leaks, _loss(utility, described.utility_undefended))


def _loss(utility: Estimate | None, undefended: float | None) -> Estimate | None:
    """Return the negative of the kept share of the undefended utility: less is better."""
    if utility is None or undefended is None or undefended <= 0:
        return None
    low, high = (None if end is None else -end / undefended for end in (utility.high, utility.low))
    return Estimate(-utility.value / undefended, low, high)


def _rivals(here: Sequence[_Contender], measure: str) -> list[list[int] | None]:
    points = _able(here, measure)
    able = [*points]
    beaten: list[list[int] | None] = [None for _ in here]
    for index, by in zip(able, beaten_by([*points.values()]), strict=True):
        beaten[index] = [able[rival] for rival in by]
    return beaten


def _reordered(rivals: Rivals, order: Sequence[int]) -> Rivals:
    """Return the rivals of defenses in another order, which has the position of each before."""
    places = {index: place for place, index in enumerate(order)}
    return {
        measure: [
            None if (found := beaten[index]) is None else sorted(places[rival] for rival in found) for index in order
        ]
        for measure, beaten in rivals.items()
    }


def _able(here: Sequence[_Contender], measure: str) -> dict[int, Point]:
    """Return, by position, the points of the defenses that may be on the front."""
    points = {index: each.point(measure) for index, each in enumerate(here)}
    return {index: point for index, point in points.items() if point is not None}


def _order(column: str, defense: RankedDefense) -> tuple[bool, bool, bool, Any]:
    value = getattr(defense, column)
    known = value is not None
    return (
        defense.psnr_db is None,
        defense.incomplete,
        not known,
        (-value if column in HIGHEST_FIRST and known else value),
    )


def shorten(ranked: pd.DataFrame) -> pd.DataFrame:
    """Return a ranking without details: with labels of defenses instead of all their parameters, and fewer columns.

    A label leaves out parameters that have their default value in all rows of the defense. The column ``worst_case`` is
    left out if all rows are ``per image``, the columns of the utility if it is the accuracy in all rows,
    ``recognized_by_people`` and ``attack_gap_db`` if they are empty, and those of the attribute if no wire says more
    of one than the outputs of the network.
    """
    short = ranked.drop(columns=["accuracy_undefended", "utility_undefended", "attacks", "seeds"])
    if set(short["utility_metric"].tolist()) <= {"accuracy", ""}:
        short = short.drop(columns=["utility", "utility_metric", "utility_kept", "agreement"])
    elif not short["accuracy"].notna().tolist().count(True):
        short = short.drop(columns=["accuracy", "accuracy_kept"])
    if set(short["worst_case"].tolist()) <= {"per image", ""}:
        short = short.drop(columns="worst_case")
    often_empty = ("recognized_by_people", "attack_gap_db")
    short = short.drop(columns=[name for name in often_empty if True not in short[name].notna().tolist()])
    if not any(gain > 0 for gain in short["attribute_gain"].dropna().tolist()):
        short = short.drop(columns=["attribute", "attribute_accuracy", "attribute_gain"])
    return with_labels(short).drop(columns="defense_params")


def with_labels(ranked: pd.DataFrame) -> pd.DataFrame:
    """Return a ranking whose column ``defense`` holds labels, as ``dp_ir:sigma=0.1``, instead of bare names."""
    chosen = [*zip(ranked["defense"], ranked["defense_params"], strict=True)]
    return ranked.assign(defense=[*starmap(labeler("defenses", chosen), chosen)])
