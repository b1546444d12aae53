"""From leaderboards to one line per defense: the worst case over the attacks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from statistics import mean

import pandas as pd

from .audits import audit
from .cells import REFERENCE_ATTACK
from .errors import UsageError
from .leaderboard import Record, Row, read_record, read_records, read_rows, record_path
from .metrics import RECOGNISABLE_SSIM


@dataclass(frozen=True, kw_only=True)
class Line:
    """One defense with its parameters, at one place; the fields are the columns of a ranking.

    Attributes:
        psnr_db: what the attacks recover: of each image the highest PSNR over the attacks, then the mean.
        ssim: likewise, the highest SSIM.
        leak_db: ``psnr_db`` less that of the reference attack, which looks at no wire.
        recognisable: share of images whose highest SSIM is at least 0.3.
        worst_attack: the attack with the highest mean PSNR.
        worst_case: ``per image``, or ``of means`` where the values of the images are not at hand.
        accuracy_kept: accuracy as a share of the undefended one.
        pareto: complete, and no other complete line at this place has both higher accuracy and lower PSNR.
        incomplete: an attack or a seed that other lines at this place have is missing, failed or inapplicable.
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
    client_ms: float | None = None
    server_ms: float | None = None
    attacks: int = 0
    seeds: int = 0
    pareto: bool = False
    incomplete: bool = False
    flags: str = ""


def load_boards(paths: Sequence[Path]) -> tuple[list[Row], dict[str, Record]]:
    """Read leaderboards or results folders, each cell once, and the records that lie beside them.

    Raises:
        UsageError: if a file is not a leaderboard, a folder holds no records, or a record is damaged.
    """
    rows: dict[str, Row] = {}
    records: dict[str, Record] = {}
    for path in paths:
        if path.is_dir():
            found = read_records(path)
            if not found:
                raise UsageError(f"{path} holds no results of mia-bench: there are no cells/*.json in it")
            records = found | records
            rows = {cell_id: record.row for cell_id, record in found.items()} | rows
            continue
        for row in read_rows(path):
            rows.setdefault(row.cell_id, row)
            beside = record_path(path.parent, row.cell_id)
            if row.cell_id not in records and beside.exists():
                records[row.cell_id] = read_record(beside)
    return list(rows.values()), records


def rank(rows: Iterable[Row], records: Mapping[str, Record]) -> pd.DataFrame:
    """Rank defenses by what the strongest attacks recover: the best protected first, incomplete ones last.

    Args:
        rows: of one or several leaderboards.
        records: the records at hand, by cell; without them the strongest attack's mean stands in for the worst case
            per image, which is lower.

    Returns:
        One line per defense with its parameters; the columns are the fields of ``Line``.

    Raises:
        UsageError: if two rows say the same of different data or versions.
    """
    rows = list(rows)
    _refuse_twins(rows)
    doubts = [(flag.cell_ids[0], flag.name) for flag in audit(rows, records)]
    places: dict[tuple[str, str, str, int], dict[tuple[str, str], list[Row]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        places[row.dataset, row.model, row.split, row.n_images][row.defense, row.defense_params].append(row)
    lines: list[Line] = []
    for place in sorted(places):
        wanted = {_task(row) for cells in places[place].values() for row in cells}
        here = [_line(cells, wanted, records, doubts) for cells in places[place].values()]
        here.sort(
            key=lambda line: (line.psnr_db is None, line.incomplete, line.psnr_db, line.defense, line.defense_params)
        )
        lines += [replace(line, pareto=_undominated(line, here)) for line in here]
    return pd.DataFrame([asdict(line) for line in lines], columns=[field.name for field in fields(Line)])


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
        incomplete={_task(row) for row in done} != wanted,
        flags=" ".join(sorted({name for cell_id, name in doubts if cell_id in here})),
    )
    if not done:
        return line
    accuracy, undefended = _mean(row.accuracy for row in done), _mean(row.accuracy_undefended for row in done)
    return replace(
        _with_worst_case(line, done, records),
        accuracy=accuracy,
        accuracy_undefended=undefended,
        accuracy_kept=accuracy / undefended if accuracy is not None and undefended else None,
        epsilon=done[0].epsilon,
        guarantee=done[0].guarantee,
        wire_bytes=_mean(row.wire_bytes for row in done),
        client_macs=done[0].client_macs,
        client_ms=_mean(row.client_ms for row in done),
        server_ms=_mean(row.server_ms for row in done),
        attacks=len({row.attack for row in done}),
        seeds=len({row.seed for row in done}),
    )


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return mean(known) if known else None


def _with_worst_case(line: Line, done: Sequence[Row], records: Mapping[str, Record]) -> Line:
    by_attack: dict[str, list[float]] = defaultdict(list)
    for row in done:
        by_attack[row.attack].append(row.psnr_db or 0.0)
    reference = by_attack.get(REFERENCE_ATTACK)
    psnr, ssim, recognisable = worst_case(done, records)
    return replace(
        line,
        psnr_db=psnr,
        ssim=ssim,
        leak_db=psnr - mean(reference) if reference else None,
        recognisable=recognisable,
        worst_attack=max(by_attack, key=lambda attack: mean(by_attack[attack])),
        worst_case="per image" if _at_hand(done, records) else "of means",
    )


def worst_case(done: Sequence[Row], records: Mapping[str, Record]) -> tuple[float, float, float]:
    """PSNR, SSIM and recognizable share that the attacks reach together on one protected model.

    Args:
        done: its finished cells, of one or several seeds.
        records: those at hand, by cell.
    """
    if not _at_hand(done, records):
        return _over_means(done)
    psnr, ssim = best_of_each(done, records)
    return mean(psnr.values()), mean(ssim.values()), mean(float(value >= RECOGNISABLE_SSIM) for value in ssim.values())


def _at_hand(done: Sequence[Row], records: Mapping[str, Record]) -> bool:
    return all(row.cell_id in records for row in done)


def best_of_each(
    done: Sequence[Row], records: Mapping[str, Record]
) -> tuple[dict[tuple[int, int], float], dict[tuple[int, int], float]]:
    """Highest PSNR and highest SSIM over the attacks, by (seed, image)."""
    psnr: dict[tuple[int, int], float] = {}
    ssim: dict[tuple[int, int], float] = {}
    for row in done:
        values = records[row.cell_id].per_image
        for image, (decibels, similarity) in enumerate(zip(values.psnr_db, values.ssim, strict=True)):
            key = row.seed, image
            psnr[key] = max(decibels, psnr.get(key, decibels))
            ssim[key] = max(similarity, ssim.get(key, similarity))
    return psnr, ssim


def _over_means(done: Sequence[Row]) -> tuple[float, float, float]:
    """The highest mean PSNR, SSIM and recognizable share over the attacks of each seed, averaged over the seeds."""
    seeds = {row.seed for row in done}

    def strongest(column: str) -> float:
        return mean(max(getattr(row, column) or 0.0 for row in done if row.seed == seed) for seed in seeds)

    return strongest("psnr_db"), strongest("ssim"), strongest("recognisable")


def _undominated(line: Line, rivals: Sequence[Line]) -> bool:
    if line.psnr_db is None or line.accuracy is None or line.incomplete:
        return False
    return not any(
        not rival.incomplete
        and rival.psnr_db is not None
        and rival.accuracy is not None
        and (rival.accuracy, -rival.psnr_db) != (line.accuracy, -line.psnr_db)
        and rival.accuracy >= line.accuracy
        and rival.psnr_db <= line.psnr_db
        for rival in rivals
    )
