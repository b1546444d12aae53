"""What ``mia-bench report`` does, behind its words."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..errors import UsageError
from ..leaderboard.loading import load_boards
from ..report.content import Content, content
from ..report.page import page
from ..report.picture_album import album
from ..utils.files import write_atomically

TITLE = "Which defense keeps the pictures private?"


def report(boards: Sequence[Path], *, out: Path, title: str | None = None, figures: Path | None = None) -> list[Path]:
    """Write the page, and figures if a folder is given for them.

    Args:
        boards: results folders, or leaderboards; pictures come from the folders, or lie beside the leaderboards.
        out: the page.
        title: of the page.
        figures: the folder of the figures.

    Returns:
        The files written.

    Raises:
        UsageError: if a board or a picture cannot be read, there are no results, or a file cannot be written.
    """
    if out.suffix not in (".html", ".htm"):
        raise UsageError(f"Expected a file name that ends in .html for --out, got {out}.")
    if figures:
        from ..report.figures import check_installed

        check_installed()
    found = content(*load_boards(boards))
    if not found.places:
        raise UsageError(f"Expected results to report, got no rows in {' and '.join(map(str, boards))}.")
    pictures = album(found.places, [path if path.is_dir() else path.parent for path in boards])
    written = [_write(out, page(found, pictures, title or TITLE).encode())]
    return written + (_draw(found, figures) if figures else [])


def _draw(found: Content, folder: Path) -> list[Path]:
    from ..report.figures import drawings

    return [_write(folder / name, drawn) for name, drawn in drawings(found)]


def _write(path: Path, contents: bytes) -> Path:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, contents)
    except OSError as error:
        raise UsageError(f"Cannot write {path}: {error.strerror}. Choose another path.") from error
    return path
