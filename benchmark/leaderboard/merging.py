"""Merge the results of several machines into one folder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import UsageError
from ..utils.atomic_files import write_atomically, writing
from ..utils.file_locks import locked
from ..utils.files import Unreadable, read_inside
from ..utils.plurals import count_of, fitting
from .completeness import each_once
from .loading import Cells
from .plan_file import read_plan, refuse_unstarted, write_plan
from .ratings import merge_keys, write_key
from .results_folder import board_path, images_path, plan_path, record_files, record_path, strip_path
from .store import read_records, rebuild, write_record
from .strips import check_strip

MAX_CONFLICTS = 8
"""Conflicts that a message lists; the others are counted."""


@dataclass(frozen=True)
class Merged:
    """Describe what was merged.

    Attributes:
        board: The path of the merged leaderboard.
        cells: The number of its cells.
        shared: The number of cells that several folders hold.

    Example:
        >>> Merged(board=Path("both/leaderboard.csv"), cells=12, shared=2).cells
        12
    """

    board: Path
    cells: int
    shared: int


def merge(folders: Sequence[Path], out: Path) -> Merged:
    """Merge results folders, with their records, images, plans and answers to rating pages.

    A cell that several folders hold is kept once, with the perceptual measures and ratings of each. A finished one is
    preferred to a failed one. Results that ``out`` already holds are kept, as if it were one of the folders.

    Args:
        folders: The results folders.
        out: The folder to write.

    Raises:
        UsageError: If a folder holds no records, a record is damaged, two folders contradict each other about one cell,
            or the scores are of different evaluation protocols, data or versions. Nothing is written then. Or if images
            of a cell cannot be read, or are a link out of their folder. What was merged before stays then.

    Example:
        >>> merge([Path("laptop"), Path("server")], Path("both"))  # doctest: +SKIP
    """
    sources = [*folders, *([out] if record_files(out) else [])]
    cells, origins, shared = _collect(sources)
    rows, records = cells.finish()
    each_once(rows)
    plans = {cell_id: label for source in sources for cell_id, label in read_plan(source).items()}
    key = merge_keys([out, *folders])
    with writing(out):
        out.mkdir(parents=True, exist_ok=True)
        if plans:  # first, so that cells are known to be missing if this process is killed
            with locked(plan_path(out)):
                write_plan(out, read_plan(out) | plans)
        for cell_id, record in records.items():
            held = (origins[cell_id], *sources)
            _copy_file(strip_path, cell_id, held, out)
            _copy_file(images_path, cell_id, held, out)
            write_record(out, record)
        if key.studies:
            write_key(out, key)
        rebuild(out, plans)
    return Merged(board=board_path(out), cells=len(rows), shared=shared)


def _collect(sources: Sequence[Path]) -> tuple[Cells, dict[str, Path], int]:
    """Return the cells of all folders, the folder that each record is taken from, and how many cells several hold."""
    cells, origins, conflicts, shared = Cells(), {}, [], set()
    for source in dict.fromkeys(path.resolve() for path in sources):
        found = read_records(source) if source.is_dir() else {}
        if not found:
            refuse_unstarted(source)
            raise UsageError(
                f"Expected a results folder with records, got {source}, which has no cells/*.json. A leaderboard "
                "without its records cannot be merged; rank and compare read several boards."
            )
        for cell_id, record in found.items():
            shared |= {cell_id} & cells.rows.keys()
            try:
                cells.add(record.row, record, str(record_path(source, cell_id)))
            except UsageError as error:
                conflicts.append(str(error))
            if cells.records[cell_id] is record:
                origins[cell_id] = source
    if conflicts:
        more = len(conflicts) - MAX_CONFLICTS
        rest = [f"There {fitting(more, 'is', 'are')} {count_of(more, 'more conflict')}."] if more > 0 else []
        listed = [*conflicts[:MAX_CONFLICTS], *rest]
        raise UsageError("\n".join(listed))
    return cells, origins, len(shared)


def _copy_file(path_of: Callable[[Path, str], Path], cell_id: str, sources: Sequence[Path], out: Path) -> None:
    """Copy the images of a cell from the first folder that has them.

    Raises:
        UsageError: If they cannot be read, are a link out of their folder, or are a strip that cannot be shown.
    """
    source = next((source for source in sources if path_of(source, cell_id).is_file()), None)
    if source is None or path_of(source, cell_id).resolve() == path_of(out, cell_id).resolve():
        return
    path = path_of(source, cell_id)
    try:
        content = read_inside(path, source)
    except Unreadable as error:
        raise UsageError(f"Cannot read the images {path}. {error}") from error
    if path_of is strip_path:
        check_strip(str(path), content, "Delete it to merge without it.")
    write_atomically(path_of(out, cell_id), content)
