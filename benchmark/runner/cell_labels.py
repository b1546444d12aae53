"""Labels of cells for people: what all cells share is said once."""

from __future__ import annotations

from collections.abc import Sequence

from ..plan.cells import Cell
from ..utils.plurals import count_of


def divided_labels(cells: Sequence[Cell]) -> tuple[str, dict[Cell, str]]:
    """Return what all cells share, and by each cell the rest of its label.

    Args:
        cells: The cells of a plan; the defense and the attack are never taken for shared. The number of images is
            stated only if it differs.
    """
    parts = {cell: _parts(cell) for cell in cells}
    shared = [name for name in ("data", "seed", "images") if len({each[name] for each in parts.values()}) == 1]
    first = next(iter(parts.values()), {})
    short = {cell: " ".join(text for name, text in each.items() if name not in shared) for cell, each in parts.items()}
    return ", ".join(first[name] for name in shared if first and name != "images"), short


def _parts(cell: Cell) -> dict[str, str]:
    setting = cell.setting
    return {
        "data": f"{setting.dataset.label} {setting.model.label} {setting.split}",
        "defense": setting.defense.label,
        "seed": f"seed {setting.seed}",
        "attack": cell.attack.label,
        "images": count_of(setting.images, "image"),
    }
