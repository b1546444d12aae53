"""Cells with objects of a Python session, which no other process can compute."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from ..errors import UsageError
from ..plan.cells import Cell
from .options import RunOptions

logger = logging.getLogger(__name__)


def refuse_objects(cells: Iterable[Cell], options: RunOptions) -> None:
    """Check that cells with objects of this Python session can be computed in this process.

    Raises:
        UsageError: If the options ask for worker processes.
    """
    names = _names(cells)
    if not names:
        return
    asked = {
        "engine='ray'": options.engine == "ray",
        f"jobs={options.jobs}": options.jobs not in (None, 1),
        f"cell_timeout={options.cell_timeout}": options.cell_timeout is not None,
    }
    for option, is_asked in asked.items():
        if is_asked:
            raise UsageError(
                f"Expected no worker processes for objects of this Python session, which are {names}, got {option}. "
                "Leave it out, or install a package that provides them, which `mia-bench new` writes."
            )


def explain_objects(cells: Iterable[Cell]) -> None:
    """Log what the records name by a hash."""
    if names := _names(cells):
        logger.info(
            "The records name %s by a hash: only Python sessions with equal objects can compute them again.", names
        )


def _names(cells: Iterable[Cell]) -> str:
    return ", ".join(dict.fromkeys(each.label for cell in cells for each in cell.objects))
