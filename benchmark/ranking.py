"""From leaderboards to one line per defense: the worst case over the attacks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from functools import partial
from statistics import mean
from typing import Any

import pandas as pd

from .audits import audit
from .errors import UsageError
from .leaderboard import Record, Row
from .pareto import undominated
from .registry import nearest
from .worst_case import worst_case


@dataclass(frozen=True, kw_only=True)
class Line:
    """One defense with its parameters, at one place; the fields are the columns of a ranking.

    Attributes:
        psnr_db: what the attacks recover: of each image the highest PSNR over the attacks, then the mean.
        ssim: likewise, the highest SSIM.
        leak_db: ``psnr_db`` less that of the reference attack, which looks at no wire.
        recognisable: share of images whose highest SSIM is at least 0.3.
        worst_attack: the attack, with its parameters, that has the highest mean PSNR.
        worst_case: ``per image``, or ``of means`` where the values of the images are not at hand.
        accuracy_kept: accuracy as a share of the undefended one.
        pareto: complete, and no other complete line at this place keeps more accuracy at a lower PSNR.
        incomplete: an attack or a seed that other lines at this place have is missing, failed or inapplicable; one
            that is inapplicable to all of them counts for none.
        flags: names of the audits that a cell of this line fails; see ``audits``.
    """

    dataset: str
    model: str
    split: str
    n_images: int
    defense: str
    defense_params: str
    psnr_db: float | None = None
    ssim: float | None = None
    leak_db: float | None = None
    recognisable: float | None = None
    worst_attack: str = ""
    worst_case: str = ""
    accuracy: float | None = None
    accuracy_undefended: float | None = None
    accuracy_kept: float | None = None
    epsilon: float | None = None
    guarantee: str | None = None
    wire_bytes: float | None = None
    client_macs: int | None = None
    client_params: int | None = None
    client_ms: float | None = None
    server_ms: float | None = None
    attacks: int = 0
    seeds: int = 0
    pareto: bool = False
    incomplete: bool = False
    flags: str = ""


COLUMNS = [field.name for field in fields(Line)]
"""Of a ranking."""
HIGHEST_FIRST = ("accuracy", "accuracy_undefended", "accuracy_kept", "attacks", "seeds", "pareto")
"""Columns of which more is better; of all others less is, and words go by the alphabet."""


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
    if sort not in COLUMNS:
        raise UsageError(f"--sort is {sort!r}{nearest(sort, COLUMNS)}; allowed: {', '.join(COLUMNS)}")
    rows = list(rows)
    _refuse_twins(rows)
    doubts = [(flag.cell_ids[0], flag.name) for flag in audit(rows, records)]
    places: dict[tuple[str, str, str, int], dict[tuple[str, str], list[Row]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        places[row.dataset, row.model, row.split, row.n_images][row.defense, row.defense_params].append(row)
    lines: list[Line] = []
    for place in sorted(places):
        wanted = {_task(row) for cells in places[place].values() for row in cells if row.status != "inapplicable"}
        here = _with_front([_line(cells, wanted, records, doubts) for cells in places[place].values()])
        for key in ("defense_params", "defense", "psnr_db", sort):  # each sort keeps the order of the one before
            here.sort(key=partial(_order, key))
        lines += here
    return pd.DataFrame([asdict(line) for line in lines], columns=COLUMNS)


def _order(column: str, line: Line) -> tuple[bool, bool, bool, Any]:
    value = getattr(line, column)
    known = value is not None
    return line.psnr_db is None, line.incomplete, not known, (-value if column in HIGHEST_FIRST and known else value)


def _refuse_twins(rows: Iterable[Row]) -> None:
    seen: dict[tuple[object, ...], str] = {}
    for row in rows:
        key = row.dataset, row.model, row.split, row.n_images, row.defense, row.defense_params, *_task(row)
        if seen.setdefault(key, row.cell_id) != row.cell_id:
            raise UsageError(
                f"cells {seen[key]} and {row.cell_id} are both {row.attack} on {row.defense}, but of different data or "
                "versions; rank them apart, or delete the record of one and run again"
            )


def _task(row: Row) -> tuple[str, str, int]:
    return row.attack, row.attack_params, row.seed


def _line(
    cells: Sequence[Row],
    wanted: set[tuple[str, str, int]],
    records: Mapping[str, Record],
    doubts: Sequence[tuple[str, str]],
) -> Line:
    first, here = cells[0], {row.cell_id for row in cells}
    done = [row for row in cells if row.status == "done"]
    line = Line(
        dataset=first.dataset,
        model=first.model,
        split=first.split,
        n_images=first.n_images,
        defense=first.defense,
        defense_params=first.defense_params,
        incomplete=not {_task(row) for row in done} >= wanted,
        flags=" ".join(sorted({name for cell_id, name in doubts if cell_id in here})),
    )
    if not done:
        return line
    accuracy, undefended = _mean(row.accuracy for row in done), _mean(row.accuracy_undefended for row in done)
    return replace(
        line,
        **worst_case(done, records),
        accuracy=accuracy,
        accuracy_undefended=undefended,
        accuracy_kept=accuracy / undefended if accuracy is not None and undefended else None,
        epsilon=done[0].epsilon,
        guarantee=done[0].guarantee,
        wire_bytes=_mean(row.wire_bytes for row in done),
        client_macs=done[0].client_macs,
        client_params=done[0].client_params,
        client_ms=_mean(row.client_ms for row in done),
        server_ms=_mean(row.server_ms for row in done),
        attacks=len({row.attack for row in done}),
        seeds=len({row.seed for row in done}),
    )


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return mean(known) if known else None


def _with_front(lines: Sequence[Line]) -> list[Line]:
    """Lines of one place, with those on the Pareto front marked."""
    points = {
        index: (line.psnr_db, -line.accuracy_kept)
        for index, line in enumerate(lines)
        if not line.incomplete and line.psnr_db is not None and line.accuracy_kept is not None
    }
    best = dict(zip(points, undominated([*points.values()]), strict=True))
    return [replace(line, pareto=best.get(index, False)) for index, line in enumerate(lines)]
