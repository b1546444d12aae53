"""The paths inside a results folder."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

FIRST_RUN = "Run `mia-bench run` first, or give the path of its results."
"""What to do if there are no results."""
STRIP_IMAGES = 10
"""The largest number of images in a row of a strip."""
STRIP_ROWS = "rows"
"""The key in the text of a strip of its number of rows: originals, reconstructions, and those selected by SSIM."""
MAX_STRIP_ROWS = 3
_RECORD_NAME = re.compile(r"[0-9a-f]{16}\.json")


def plan_path(out: Path) -> Path:
    """Return the path of the plan: which cells runs into this folder have planned."""
    return out / "plan.json"


def board_path(out: Path) -> Path:
    """Return the path of the leaderboard."""
    return out / "leaderboard.csv"


def schema_path(out: Path) -> Path:
    """Return the path of the file that names the schema of the leaderboard."""
    return out / "leaderboard.schema.json"


def rating_key_path(out: Path) -> Path:
    """Return the path of the answers to the rating pages."""
    return out / "rating_key.json"


def cells_folder(out: Path) -> Path:
    """Return the folder of the records."""
    return out / "cells"


def record_path(out: Path, cell_id: str) -> Path:
    """Return the path of the record of a cell."""
    return cells_folder(out) / f"{cell_id}.json"


def strip_path(out: Path, cell_id: str) -> Path:
    """Return the path of the strip of images of a cell."""
    return out / "pictures" / f"{cell_id}.png"


def images_path(out: Path, cell_id: str) -> Path:
    """Return the path of the reconstructions of a cell, which runs from Python keep."""
    return out / "images" / f"{cell_id}.npz"


def outdated_folder(out: Path) -> Path:
    """Return the folder of records of another version or of other data."""
    return out / "outdated"


def common_folder(paths: Sequence[Path]) -> Path | None:
    """Return the results folder to which runs may be added; None if the boards are of several folders, or of none."""
    folders = {path if path.is_dir() else path.parent for path in paths}
    return next((folder for folder in folders if cells_folder(folder).is_dir()), None) if len(folders) == 1 else None


def record_files(out: Path) -> list[Path]:
    """Return the paths of the records of a results folder; files with other names are ignored."""
    folder = cells_folder(out)
    return sorted(path for path in folder.iterdir() if _RECORD_NAME.fullmatch(path.name)) if folder.is_dir() else []
