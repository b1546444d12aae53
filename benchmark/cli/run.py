"""What ``mia-bench run`` does."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import pandas as pd
import torch

from ..evaluation.artifacts import Artifacts
from ..leaderboard.columns import SHOWN
from ..leaderboard.store import Record
from ..plan.request import Request
from ..plan.suite import requests_of
from ..registry.specs import UnknownOption
from ..runner.estimates import duration, estimate, timings
from ..runner.interruption import Interrupted, interruptible
from ..runner.options import RunOptions
from ..runner.resume import PlannedCell, prepare, unfinished
from ..runner.run import compute, tell_doubts
from ..utils.isolation import restored_state
from ..utils.texts import say
from .tables import print_frame


@restored_state()
def run(suite: str | None, given: Request, options: RunOptions, *, own_options: Sequence[str], dry_run: bool) -> int:
    """Carry out ``mia-bench run``.

    Args:
        suite: name or path of a suite, if one is given.
        given: what the command line says about the request; it wins over the suite.
        options: where and how to compute.
        own_options: the options of the command, one of which may be meant by an unknown one.
        dry_run: whether only to print the plan.

    Returns:
        The exit code: 0 when all is done, 1 when cells failed, 128 and the number of the signal when interrupted.
    """
    torch.set_num_threads(1)  # the same arithmetic in one process and in several
    requests = requests_of(suite, given)
    artifacts = Artifacts(device=options.torch_device, data_dir=options.data_dir)
    try:
        with interruptible():
            planned = prepare(requests, options, artifacts)
            if dry_run:
                _print_plan(planned, options, artifacts)
                return 0
            records = compute(planned, options, artifacts)
    except UnknownOption as error:
        raise error.among(own_options) from error
    except Interrupted as error:
        with suppress(OSError):  # the terminal may be gone
            say(f"Interrupted by {error}. Finished cells are saved; rerun the same command to resume.", err=True)
        return error.exit_code
    _print_results(planned, records, options.out)
    return 1 if tell_doubts(records) else 0


def _print_plan(planned: Sequence[PlannedCell], options: RunOptions, artifacts: Artifacts) -> None:
    for each in planned:
        say(f"{each.cell_id}  {'done' if each.finished else 'to do':6} {each.cell.label}")
    groups = unfinished(planned)
    if groups:
        cells = [[task.cell for task in group] for group in groups]
        jobs = options.jobs or 1
        need = estimate(cells, artifacts, timings(options.out), jobs)
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
    say(f"Wrote {out / 'leaderboard.csv'}")
