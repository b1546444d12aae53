"""Print a plan before it runs: ``mia-bench run --dry-run``."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Sequence

from ..evaluation.artifacts import Artifacts
from ..plan.cells import Cell
from ..runner.cell_labels import divided_labels
from ..runner.estimates import RunEstimate, duration, estimate
from ..runner.options import RunOptions
from ..runner.resume import PlannedCell, unfinished
from ..runner.timings import timings
from ..utils.plurals import count_of
from ..utils.texts import say, say_paragraph
from .console import print_table

logger = logging.getLogger(__name__)


def print_plan(planned: Sequence[PlannedCell], options: RunOptions, artifacts: Artifacts) -> None:
    """Print the cells of a plan by defense, and the time and memory that they need; each cell if that is verbose."""
    groups = [[job.cell for job in group] for group in unfinished(planned)]
    jobs = options.jobs or 1
    need = estimate(groups, artifacts, timings(options.out), jobs)
    if logger.isEnabledFor(logging.DEBUG):
        for each in planned:
            say(f"{each.cell_id}  {'done' if each.finished else 'to do':6} {each.cell.label}")
        say()
    if planned:
        shared, _ = divided_labels([each.cell for each in planned])
        say(f"{shared}\n" if shared else "")
        print_table(["defense", "cells", "to do", "time"], _lines(planned, need))
    say()
    if groups:
        say_paragraph(f"Expected time: about {duration(need.seconds)} with --jobs {jobs}{_details(need)}.")
        say_paragraph(f"Memory: up to {need.memory_bytes / 1e9:.1f} GB.")
    say(f"{count_of(len(planned), 'cell')}, {sum(map(len, groups))} to do")


def _lines(planned: Sequence[PlannedCell], need: RunEstimate) -> list[list[str]]:
    by_defense: dict[str, list[PlannedCell]] = defaultdict(list)
    for each in planned:
        by_defense[each.cell.setting.defense.label].append(each)
    lines = []
    for defense, cells in by_defense.items():
        todo = [each.cell for each in cells if not each.finished]
        lines.append([defense, str(len(cells)), str(len(todo)), _time(todo, need)])
    return lines


def _time(cells: Sequence[Cell], need: RunEstimate) -> str:
    known = [seconds for cell in cells if (seconds := need.by_cell[cell]) is not None]
    return duration(sum(known)) if known else "unknown" if cells else ""


def _details(need: RunEstimate) -> str:
    training = f", of which {duration(need.training_seconds)} train targets" if need.training_seconds >= 1 else ""
    unknown = f"; cells without timing data, which are not included: {need.unknown}" if need.unknown else ""
    return training + unknown
