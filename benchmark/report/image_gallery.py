"""Collect the image strips of a page: originals and reconstructions, each once, within a size limit."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path

from PIL import Image

from ..errors import UsageError
from ..leaderboard.results_folder import MAX_STRIP_ROWS, STRIP_ROWS, strip_path
from ..leaderboard.strips import decoded_strip
from ..utils.files import Denied, Unreadable, read_inside
from .content import Scenario

MAX_CHARACTERS = 8_000_000
"""Characters of all images of a page, so that a page of 300 cells stays below 10 MB."""


@dataclass
class ImageGallery:
    """Strips as PNG in base64, each kept once.

    Attributes:
        strips: The strips that the page embeds.
        originals: Index of the strip of originals, by cell.
        reconstructed: Index of the strip of reconstructions, by cell.
        left_out: Number of cells whose images exceed the size limit.

    Example:
        >>> ImageGallery().left_out
        0
    """

    strips: list[str] = field(default_factory=list)
    originals: dict[str, int] = field(default_factory=dict)
    reconstructed: dict[str, int] = field(default_factory=dict)
    left_out: int = 0


def collect_strips(scenarios: Iterable[Scenario], folders: Sequence[Path], limit: int = MAX_CHARACTERS) -> ImageGallery:
    """Collect the image strips of all cells, those of the strongest attacks first.

    Args:
        scenarios: Scenarios whose settings and cells are shown.
        folders: Results folders, each with strips that ``evaluation.strips.strip`` drew, by cell.
        limit: Maximum number of characters of all strips.

    Raises:
        UsageError: If a strip cannot be read.
    """
    made, known, used = ImageGallery(), dict[str, int](), 0
    for cell_id in _by_importance(scenarios):
        path = next((path for folder in folders if (path := strip_path(folder, cell_id)).exists()), None)
        if path is None:
            continue
        halves = _halves(path)
        size = sum(len(half) for half in set(halves) if half not in known)
        if used + size > limit:
            made.left_out += 1
            continue
        used += size
        for half in halves:
            if half not in known:
                known[half] = len(made.strips)
                made.strips.append(half)
        made.originals[cell_id], made.reconstructed[cell_id] = known[halves[0]], known[halves[1]]
    return made


def _by_importance(scenarios: Iterable[Scenario]) -> list[str]:
    """Return the cells ordered by importance: those of the strongest attacks and the first seed come first."""
    found = []
    for scenario in scenarios:
        for position, setting in enumerate(scenario.settings):
            ordered = sorted(setting.cells, key=lambda cell: (cell["seed"], -(cell["psnr_db"] or 0.0)))
            found += [(rank, position, cell["cell_id"]) for rank, cell in enumerate(ordered)]
    return [cell_id for *_, cell_id in sorted(found)]


def _halves(path: Path) -> tuple[str, str]:
    """Return the originals and the reconstructions of a strip, each as PNG in base64."""
    originals, reconstructions = open_strip(path)
    return _png(originals), _png(reconstructions)


def open_strip(path: Path) -> tuple[Image.Image, Image.Image]:
    """Return the row of originals and the row of reconstructions of a strip, in RGB.

    A third row, of the reconstructions that an ensemble selected by SSIM, is left out.

    Args:
        path: The strip, as ``strip_path`` names it in a results folder.

    Raises:
        UsageError: If the file is not a PNG, is damaged, is a link out of the results folder, or has too few or too
            many pixels.
    """
    try:
        pixels = decoded_strip(read_inside(path, path.parents[1]))
    except Denied as error:
        raise UsageError(f"Cannot read the image {path}. {error}") from error
    except Unreadable as error:
        raise UsageError(f"Cannot read the image {path}. {error.reason} Delete it to get a page without it.") from error
    stated = str(pixels.info.get(STRIP_ROWS, "2"))
    rows = int(stated) if stated in map(str, range(2, MAX_STRIP_ROWS + 1)) else 2
    width, height = pixels.width, pixels.height // rows
    return pixels.crop((0, 0, width, height)), pixels.crop((0, height, width, 2 * height))


def _png(pixels: Image.Image) -> str:
    gray = pixels.convert("L")
    if gray.convert("RGB").tobytes() == pixels.tobytes():
        pixels = gray
    target = BytesIO()
    pixels.save(target, format="PNG")
    return base64.b64encode(target.getvalue()).decode()
