"""Read and write the plan of a results folder: the cells that runs into this folder have planned."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from ..errors import UsageError
from ..utils.atomic_files import write_atomically
from ..utils.files import Denied, Unreadable, read_json
from ..utils.plurals import count_of
from ..utils.texts import as_typed
from .records import CellId
from .results_folder import plan_path

_PLAN = TypeAdapter(dict[CellId, str])


def read_plan(out: Path) -> dict[str, str]:
    """Return the cells that runs into a folder have planned: their labels by cell id. Empty without a plan.

    Raises:
        UsageError: If the plan is damaged.
    """
    path = plan_path(out)
    if not path.exists():
        return {}
    try:
        return _PLAN.validate_python(read_json(path))
    except Denied as error:
        raise UsageError(f"Cannot read {path}. {error}") from error
    except (Unreadable, ValidationError) as error:
        reason = error.reason if isinstance(error, Unreadable) else "Expected the label of each cell by its cell_id."
        raise UsageError(f"{path} is not a valid plan. {reason}", "Delete it; no results are lost.") from error


def refuse_unstarted(out: Path) -> None:
    """Refuse a folder without records if a run has planned cells there, as one does that ends before its first cell.

    Raises:
        UsageError: If the folder has a plan.
    """
    try:
        planned = read_plan(out)
    except UsageError:  # it may be that of another program
        return
    if planned:
        cells = count_of(len(planned), "cell")
        command = as_typed("mia-bench", "status", out)
        raise UsageError(
            f"Expected finished cells in {out}, got a run that has planned {cells} and finished none. Rerun the same "
            f"command to resume. See {command}."
        )


def write_plan(out: Path, labels: Mapping[str, str]) -> None:
    """Write the plan of a results folder. Who extends a plan locks ``plan_path(out)`` from reading to writing.

    Args:
        out: The results folder.
        labels: The labels of all planned cells, by cell id.
    """
    write_atomically(plan_path(out), plan_text(labels).encode())


def plan_text(labels: Mapping[str, str]) -> str:
    r"""Return the content of the file.

    Example:
        >>> plan_text({"0123456789abcdef": "photos lenet5 relu1 undefended ridge"})
        '{\n "0123456789abcdef": "photos lenet5 relu1 undefended ridge"\n}\n'
    """
    return json.dumps(labels, indent=1) + "\n"
