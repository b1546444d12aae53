"""The plan of a results folder: the planned, the finished and the remaining cells."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ..evaluation.artifacts import Artifacts
from ..evaluation.perceptual import PerceptualMeasures
from ..leaderboard.plan_file import read_plan, write_plan
from ..leaderboard.records import Record
from ..leaderboard.results_folder import outdated_folder, plan_path
from ..leaderboard.stale import find_record, set_aside
from ..leaderboard.store import rebuild, writing_results
from ..plan.cells import Cell, Setting
from ..plan.expansion import plan
from ..plan.plugin_code import code_on_disk, plugin_code
from ..plan.request import Request
from ..registry.specs import ResolvedComponent
from ..utils.file_locks import locked
from ..utils.plurals import count_of, fitting
from .jobs import CellJob
from .object_cells import explain_objects, refuse_objects
from .options import RunOptions
from .pinning import pin_cells
from .plugin_trial import try_settings
from .processes import Processes

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class PlannedCell(CellJob):
    """Describe a planned cell.

    Attributes:
        record: The record that an earlier run wrote, if any.

    Example: See ``prepare``, which returns planned cells.
    """

    record: Record | None

    @property
    def finished(self) -> bool:
        """Whether the cell is not computed again. Failed cells, and those without a required measure, are."""
        return self.record is not None and self.is_finished_by(self.record)


def prepare(requests: Sequence[Request], options: RunOptions, artifacts: Artifacts) -> list[PlannedCell]:
    """Expand requests into cells and look up what is already done.

    Raises:
        UsageError: If the requests, the data or the records are wrong.
    """
    return prepare_cells(plan(*requests), options, artifacts)


def prepare_cells(cells: Sequence[Cell], options: RunOptions, artifacts: Artifacts) -> list[PlannedCell]:
    """Check that cells can be computed and look up what is already done.

    Raises:
        UsageError: If the data, the components or the records are wrong.
    """
    if options.engine == "local" and (options.jobs or 1) > 1:
        Processes.start_importing()
    wanted = PerceptualMeasures.of(options.perceptual)
    refuse_objects(cells, options)
    cells = pin_cells(cells, artifacts, _try_plugins(_settings(cells), options, artifacts))
    fingerprints = _fingerprints(_settings(cells), options, artifacts)
    required = _required(wanted, cells, artifacts)
    explain_objects(cells)
    planned = []
    for cell in cells:
        cell_id = cell.cell_id(fingerprints[cell.setting])
        record, needed = find_record(options.out, cell_id), required[cell.setting.dataset]
        planned.append(PlannedCell(cell, cell_id, record, perceptual=wanted, required=needed))
    _warn_of_changed_code(planned)
    return planned


def _warn_of_changed_code(planned: Sequence[PlannedCell]) -> None:
    """Warn of finished cells of plug-ins whose file has changed since, but not their version."""
    changed, names, read = 0, dict[str, None](), cache(code_on_disk)
    for each in planned:
        noted = each.record.notes.get("plugin_code", "") if each.finished and each.record else ""
        if noted:
            known = {one.rpartition(" ")[0]: one.rpartition(" ")[2] for one in noted.split(", ")}
            now = plugin_code(each.cell, read)
            edited = [name for name, code in now.items() if known.get(name, code) != code]
            names |= dict.fromkeys(edited)
            changed += bool(edited)
    if changed:
        logger.warning(
            "The code of %s has changed, but not its version, since %s of this plan %s computed. %s kept as %s. Raise "
            "the version if scores change.",
            ", ".join(names),
            count_of(changed, "cell"),
            fitting(changed, "was", "were"),
            fitting(changed, "It is", "They are"),
            fitting(changed, "it is", "they are"),
        )


def _required(
    wanted: PerceptualMeasures, cells: Sequence[Cell], artifacts: Artifacts
) -> dict[ResolvedComponent, tuple[str, ...]]:
    """Return the wanted measures that can be computed, by dataset, and warn of the others."""
    required = {}
    for dataset in dict.fromkeys(cell.setting.dataset for cell in cells):
        obstacles = wanted.obstacles(artifacts.facts(dataset).image_shape)
        for name, reason in obstacles.items():
            logger.warning("The column %s stays empty for %s. %s", name, dataset.label, reason)
        required[dataset] = tuple(name for name in wanted.names if name not in obstacles)
    return required


def _settings(cells: Sequence[Cell]) -> list[Setting]:
    return list(dict.fromkeys(cell.setting for cell in cells))


def _try_plugins(
    settings: Sequence[Setting], options: RunOptions, artifacts: Artifacts
) -> dict[Setting, tuple[str, ...]]:
    """Make settings with data or a model of a plug-in in a worker process, and learn the facts of their data.

    Returns:
        The cuts that their splits mean.
    """
    found = {}
    if foreign := [setting for setting in settings if setting.in_worker]:
        workers = Processes(options.torch_device, options.data_dir)
        for setting, facts, cuts in try_settings(foreign, workers):
            artifacts.data.learn(setting.dataset, facts)
            found[setting] = cuts
    return found


def _fingerprints(settings: Sequence[Setting], options: RunOptions, artifacts: Artifacts) -> dict[Setting, str]:
    """Check that settings can be made, except for those that ``_try_plugins`` has checked.

    Returns:
        The fingerprints of their data.
    """
    here = settings if options.engine == "ray" else [setting for setting in settings if not setting.in_worker]
    found = {setting: artifacts.check(setting) for setting in here}
    return {setting: found.get(setting) or artifacts.fingerprint(setting) for setting in settings}


def unfinished(planned: Sequence[PlannedCell]) -> list[list[CellJob]]:
    """Return the jobs of the cells that are not finished, grouped by setting."""

    def setting(job: CellJob) -> Setting:
        return job.cell.setting

    jobs = [
        CellJob(each.cell, each.cell_id, perceptual=each.perceptual, required=each.required)
        for each in planned
        if not each.finished
    ]
    return [list(group) for _, group in itertools.groupby(jobs, key=setting)]


def remember_plan(planned: Sequence[PlannedCell], out: Path, artifacts: Artifacts) -> dict[str, str]:
    """Write the plan of a results folder and return the labels of all its cells, by cell id."""
    with writing_results(out), locked(plan_path(out)):
        old = set_aside(
            out,
            {each.cell_id: each.cell for each in planned},
            artifacts.fingerprint,
            datasets={each.cell.setting.dataset.canonical for each in planned},
        )
        if old:
            again = len(set(old.values()) & {each.cell_id for each in planned if not each.finished})
            logger.warning(
                "Moved %s of another version or other data to %s.%s",
                count_of(len(old), "record"),
                outdated_folder(out),
                f" {count_of(again, 'cell')} {fitting(again, 'is', 'are')} computed again." if again else "",
            )
        before = read_plan(out)
        rebuild(out, [*before, *old])
        cells = {old.get(cell_id, cell_id): label for cell_id, label in before.items()}
        cells |= {each.cell_id: each.cell.label for each in planned}
        write_plan(out, cells)
    return cells
