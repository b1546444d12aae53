"""Write a report: the command ``mia-bench report``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..leaderboard.loading import load_results
from ..leaderboard.results_folder import common_folder
from ..report.content import ReportContent, content
from ..report.image_gallery import collect_strips
from ..report.page import DEFAULT_TITLE, page
from ..utils.atomic_files import write_output
from ..utils.texts import say
from .missing_cells import missing_cell_notices
from .output_names import PAGE_SUFFIXES, require_suffix


def report(boards: Sequence[Path], *, out: Path, title: str | None = None, figures: Path | None = None) -> list[Path]:
    """Run ``mia-bench report``: write the page, and the figures if a folder is given for them.

    Args:
        boards: Results folders or leaderboards. Image strips are read from the folders, or from those of the
            leaderboards.
        out: Path of the page.
        title: Title of the page; None for the default.
        figures: Folder of the figures; None for no figures.

    Returns:
        The paths of the files written.

    Raises:
        UsageError: If a board or an image strip cannot be read, there are no results, or a file cannot be written.
    """
    require_suffix(out, PAGE_SUFFIXES)
    if figures:
        from ..report.figures import check_installed

        check_installed()
    rows, records = load_results(boards, "report")
    missing = missing_cell_notices(boards, (row.cell_id for row in rows))
    found = content(rows, records, common_folder(boards))
    gallery = collect_strips(found.scenarios, [path if path.is_dir() else path.parent for path in boards])
    written = [write_output(out, page(found, gallery, title or DEFAULT_TITLE).encode())]
    for line in missing:
        say(line, err=True)
    return written + (_draw(found, figures) if figures else [])


def _draw(found: ReportContent, folder: Path) -> list[Path]:
    from ..report.figures import drawings

    return [write_output(folder / name, drawn) for name, drawn in drawings(found)]
