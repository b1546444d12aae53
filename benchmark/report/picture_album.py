"""Picture strips for a page: originals once, each reconstruction once, within a budget."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from ..errors import UsageError
from ..utils.files import Unreadable, read_bytes
from .content import Scenario

BUDGET = 8_000_000
"""Characters of all pictures together, so that a page of 300 cells stays below 10 MB."""


LARGEST = 32_000_000
"""Pixels of a strip: ten images of 1,250 x 1,250 pixels above their reconstructions."""


@dataclass
class Album:
    """Strips as PNG in base64, each kept once.

    Attributes:
        strips: what the page embeds.
        originals: index of the strip of originals, by cell.
        rebuilt: index of the strip of reconstructions, by cell.
        left_out: cells that have pictures beyond the budget.
    """

    strips: list[str] = field(default_factory=list)
    originals: dict[str, int] = field(default_factory=dict)
    rebuilt: dict[str, int] = field(default_factory=dict)
    left_out: int = 0


def album(places: Iterable[Scenario], folders: Sequence[Path], budget: int = BUDGET) -> Album:
    """Collect the pictures of all cells, those of the strongest attacks first.

    Args:
        places: whose settings and cells are shown.
        folders: results folders, each with ``pictures/<cell_id>.png`` as ``pictures.strip`` draws them.
        budget: the most characters that all strips may take.

    Raises:
        UsageError: if a picture cannot be read.
    """
    made, known, used = Album(), dict[str, int](), 0
    for cell_id in _by_importance(places):
        path = next((path for folder in folders if (path := folder / "pictures" / f"{cell_id}.png").exists()), None)
        if path is None:
            continue
        halves = _halves(path)
        size = sum(len(half) for half in set(halves) if half not in known)
        if used + size > budget:
            made.left_out += 1
            continue
        used += size
        for half in halves:
            if half not in known:
                known[half] = len(made.strips)
                made.strips.append(half)
        made.originals[cell_id], made.rebuilt[cell_id] = known[halves[0]], known[halves[1]]
    return made


def _by_importance(places: Iterable[Scenario]) -> list[str]:
    """Cells in the order in which pictures are dropped last: strongest attack, first seed, then the rest."""
    found = []
    for place in places:
        for position, setting in enumerate(place.settings):
            ordered = sorted(setting.cells, key=lambda cell: (cell["seed"], -(cell["psnr_db"] or 0.0)))
            found += [(rank, position, cell["cell_id"]) for rank, cell in enumerate(ordered)]
    return [cell_id for *_, cell_id in sorted(found)]


def _halves(path: Path) -> tuple[str, str]:
    """Originals and reconstructions of a strip, each as PNG in base64."""
    try:
        content = read_bytes(path)
        _refuse_bomb(content)
        with Image.open(BytesIO(content), formats=["PNG"]) as picture:
            pixels = picture.convert("RGB")
    except (Unreadable, OSError, ValueError, SyntaxError) as error:
        reason = "It is not a PNG." if isinstance(error, UnidentifiedImageError) else error
        raise UsageError(f"Cannot read the image {path}. {reason} Delete it to get a page without it.") from error
    width, height = pixels.size
    return _png(pixels.crop((0, 0, width, height // 2))), _png(pixels.crop((0, height // 2, width, height)))


def _refuse_bomb(content: bytes) -> None:
    """Refuse a PNG of too many pixels by its header alone, before anything is decoded."""
    width, height = int.from_bytes(content[16:20]), int.from_bytes(content[20:24])
    if content.startswith(b"\x89PNG") and width * height > LARGEST:
        raise Unreadable(f"Expected at most {LARGEST} pixels, got {width}x{height}.")


def _png(pixels: Image.Image) -> str:
    gray = pixels.convert("L")
    if gray.convert("RGB").tobytes() == pixels.tobytes():
        pixels = gray
    target = BytesIO()
    pixels.save(target, format="PNG", optimize=True)
    return base64.b64encode(target.getvalue()).decode()
