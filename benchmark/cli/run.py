"""What ``run``, ``audit`` and ``status`` do, behind their words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from ..errors import UsageError
from ..evaluation.artifacts import Workbench
from ..leaderboard.audits import audit, incomplete
from ..leaderboard.completing import gap_notice
from ..leaderboard.loading import load_boards
from ..leaderboard.ranking import rank
from ..leaderboard.store import Record, read_records
from ..plan.cells import Request
from ..plan.suite import Suite, load_suite, select_parts
from ..registry.specs import parse
from ..runner.estimates import duration, estimate, timings
from ..runner.interruption import Interrupted, interruptible
from ..runner.progress import Display
from ..runner.run import PlannedCell, Where, execute, prepare, read_plan, unfinished
from ..utils.isolation import restored_state
from ..utils.texts import one_line, say
from .tables import print_frame, print_ranking

SHOWN = ["accuracy", "psnr_db", "ssim", "identified", "leak_r2", "bound_psnr_db", "epsilon", "attack_seconds", "status"]
"""Columns of the table that ``run`` ends with, beside the names."""


@restored_state()
def run(
    *,
    suite: str | None,
    given: Mapping[str, Any],
    options: Mapping[str, Sequence[Any]],
    own_options: Sequence[str],
    where: Mapping[str, Any],
    dry_run: bool,
) -> int:
    """Carry out ``mia-bench run``.

    Args:
        suite: name or path of a suite, if one is given.
        given: what the command line says about the request; it wins over the suite.
        options: free options and their values.
        own_options: names of the options that are not free.
        where: the fields of ``Where``.
        dry_run: whether only to print the plan.

    Returns:
        The exit code: 0 when all is done, 1 when cells failed, 128 and the number of the signal when interrupted.
    """
    torch.set_num_threads(1)  # the same arithmetic in one process and in several
    place = Where(**where)
    requests = make_requests(suite, given, options, own_options)
    bench = Workbench(device=place.torch_device, data_dir=place.data_dir)
    try:
        with interruptible():
            planned = prepare(requests, place, bench)
            if dry_run:
                _print_plan(planned, place, bench)
                return 0
            records = compute(planned, place, bench)
    except Interrupted as error:
        with suppress(OSError):  # the terminal may be gone
            say(f"Interrupted by {error}. Finished cells are saved; rerun the same command to resume.", err=True)
        return error.exit_code
    _print_results(planned, records, place.out)
    return 1 if tell_doubts(records) else 0


def compute(planned: Sequence[PlannedCell], place: Where, bench: Workbench) -> list[Record]:
    """Compute what is not done yet, and show on stderr how it goes on; the records of all cells, in their order."""
    todo = sum(not each.finished for each in planned)
    say(f"{len(planned)} cells, {len(planned) - todo} of them done before", err=True)
    with Display(todo) as display:
        bench.report = display.note
        return execute(planned, place, bench, display)


def tell_doubts(records: Sequence[Record]) -> int:
    """Tell on stderr what the audits find, and how many cells failed; returns their number."""
    for flag in audit([record.row for record in records], {record.row.cell_id: record for record in records}):
        if flag.name == incomplete.__name__:
            continue  # of a run that is a part of a board; rank and audit tell what the whole board lacks
        say(one_line(f"flag {flag.name}: {flag.sentence}"), err=True)
    failed = sum(record.row.status == "failed" for record in records)
    if failed:
        say(f"{failed} of {len(records)} cells failed; their reasons are in the leaderboard", err=True)
    return failed


def make_requests(
    suite: str | None, given: Mapping[str, Any], options: Mapping[str, Sequence[Any]], own_options: Sequence[str]
) -> list[Request]:
    """What a user asks for: the parts of a suite, if one is named, and what is given beside it, which wins.

    Raises:
        UsageError: if there is no such suite, or no part of it is left.
    """
    parts = load_suite(suite) if suite else [Suite()]
    chosen = select_parts(parts, given)
    wins = {key: value for key, value in given.items() if key != "split" or len(parts) == 1}
    return [_request(part, wins, options, own_options) for part in chosen]


def _request(
    suite: Suite, given: Mapping[str, Any], options: Mapping[str, Sequence[Any]], own_options: Sequence[str]
) -> Request:
    written = suite.model_dump()
    for kind in ("attacks", "defenses"):
        written[kind] = [_without(spec, options) for spec in written[kind]]
    said = written | dict(given)
    swept = {key: value if isinstance(value, list) else [value] for key, value in suite.options.items()} | dict(options)
    return Request(
        dataset=said["dataset"],
        model=said["model"],
        splits=said["split"],
        attacks=said["attacks"],
        defenses=said["defenses"],
        seeds=said["seeds"],
        images=said["images"],
        options=swept,
        own_options=own_options,
    )


def _without(spec: str | Mapping[str, Any], options: Mapping[str, Sequence[Any]]) -> dict[str, Any]:
    """What a suite says of a component, less what the command line says."""
    if isinstance(spec, str):
        name, params = parse(spec)
        spec = {"name": name, **params}
    return {key: value for key, value in spec.items() if key not in options}


def _print_plan(planned: Sequence[PlannedCell], place: Where, bench: Workbench) -> None:
    for each in planned:
        say(f"{each.cell_id}  {'done' if each.finished else 'to do':6} {each.cell.label}")
    groups = unfinished(planned)
    if groups:
        cells = [[task.cell for task in group] for group in groups]
        jobs = place.jobs or 1
        need = estimate(cells, bench, timings(place.out), jobs)
        more = f"; {need.unknown} cells of attacks that were never timed not counted" if need.unknown else ""
        say(f"about {duration(need.seconds)} with --jobs {jobs}, up to {need.memory / 1e9:.1f} GB{more}")
    say(f"{len(planned)} cells, {sum(map(len, groups))} to do")


def _print_results(planned: Sequence[PlannedCell], records: Sequence[Record], out: Path) -> None:
    lines = []
    settings = [each.cell.setting for each in planned]
    several = {kind for kind in ("dataset", "model") if len({getattr(each, kind).label for each in settings}) > 1}
    for each, record in zip(planned, records, strict=True):
        setting = each.cell.setting
        names = {kind: getattr(setting, kind).label for kind in ("dataset", "model") if kind in several} | {
            "split": setting.split,
            "seed": setting.seed,
            "defense": setting.defense.label,
            "attack": each.cell.attack.label,
        }
        lines.append(names | {column: getattr(record.row, column) for column in SHOWN})
    print_frame(pd.DataFrame(lines).dropna(axis="columns", how="all"), "table")
    say(f"wrote {out / 'leaderboard.csv'}")


def audit_boards(paths: Sequence[Path], *, strict: bool) -> int:
    """Carry out ``mia-bench audit``.

    Returns:
        The exit code: 1 if there are flags and ``strict``, else 0.

    Raises:
        UsageError: if a path holds no results, or a damaged file.
    """
    flags = audit(*load_boards(paths))
    for flag in flags:
        say(one_line(f"{flag.name}: {flag.sentence} [{' '.join(flag.cell_ids)}]"))
    if not flags:
        say("no flags")
    return 1 if flags and strict else 0


def rank_boards(paths: Sequence[Path], *, sort: str, notation: str) -> None:
    """Carry out ``mia-bench rank``.

    Raises:
        UsageError: if a path holds no results, or a damaged file, or there is no column to sort by.
    """
    rows, records = load_boards(paths)
    if not rows:
        raise UsageError(f"{' and '.join(map(str, paths))} hold no rows; there is nothing to rank")
    ranked = rank(rows, records, sort)
    if notation == "csv":
        print_frame(ranked, notation)
    else:
        print_ranking(ranked, notation)
    for line in gap_notice(rows, results_folder(paths)):
        say(one_line(line), err=True)
    for path in paths:
        folder = path if path.is_dir() else path.parent
        missing = set(read_plan(folder)) - {row.cell_id for row in rows}
        if missing:
            say(
                f"{len(missing)} planned cells are missing, so the worst case may be worse: "
                f"see mia-bench status {folder}",
                err=True,
            )


def results_folder(paths: Sequence[Path]) -> Path | None:
    """The results folder that runs may be added to, if the boards are of a single one."""
    folders = {path if path.is_dir() else path.parent for path in paths}
    return next((folder for folder in folders if (folder / "cells").is_dir()), None) if len(folders) == 1 else None


def status(folder: Path) -> None:
    """Carry out ``mia-bench status``.

    Raises:
        UsageError: if the folder holds no run, or a damaged file.
    """
    planned = read_plan(folder)
    if not planned:
        raise UsageError(f"{folder} holds no run of mia-bench: there is no plan.json in it")
    records = read_records(folder)
    states = {cell_id: records[cell_id].row.status if cell_id in records else "missing" for cell_id in planned}
    for cell_id, state in states.items():
        if state != "done":
            reason = f": {records[cell_id].row.reason}" if cell_id in records else ""
            say(one_line(f"{state:12} {cell_id}  {planned[cell_id]}{reason}"))
    counts = {state: list(states.values()).count(state) for state in ("done", "failed", "inapplicable", "missing")}
    say(", ".join(f"{count} {state}" for state, count in counts.items()))
