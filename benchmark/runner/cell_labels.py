"""Labels of cells for people: what all cells share is said once."""

from __future__ import annotations

from collections.abc import Sequence

from ..plan.cells import Cell


def divided_labels(cells: Sequence[Cell]) -> tuple[str, dict[str, str]]:
    """Return what all cells share, and by the label of each cell the rest of it.

    Args:
        cells: the cells of a plan; the defense and the attack are never taken for shared.
    """
    parts = {cell.label: _parts(cell) for cell in cells}
    shared = [name for name in ("data", "seed") if len({each[name] for each in parts.values()}) == 1]
    first = next(iter(parts.values()), {})
    short = {
        label: " ".join(text for name, text in each.items() if name not in shared) for label, each in parts.items()
    }
    return ", ".join(first[name] for name in shared if first), short


def _parts(cell: Cell) -> dict[str, str]:
    setting = cell.setting
    return {
        "data": f"{setting.dataset.label} {setting.model.label} {setting.split}",
        "defense": setting.defense.label,
        "seed": f"seed {setting.seed}",
        "attack": cell.attack.label,
    }
