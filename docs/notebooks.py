"""Execute the notebooks of ``examples/`` and keep their outputs, which the documentation shows.

Each notebook runs in an empty folder. Progress and other messages are removed, since they differ each time.

Example: python docs/notebooks.py
Example: python docs/notebooks.py examples/first-run.ipynb
"""

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

EXAMPLES = Path(__file__).parents[1] / "examples"
TIMEOUT_SECONDS = 600
MESSAGE = '<pre style="white-space:pre;'
"""How messages begin that rich shows in a notebook, and that go to stderr elsewhere."""


def executed(path: Path, kernel: Any = None) -> Any:
    """Return a notebook with its outputs.

    Args:
        path: The path of the notebook.
        kernel: A running kernel in an empty folder, a ``KernelManager``. None starts one and ends it.

    Raises:
        nbclient.exceptions.CellExecutionError: If a cell fails.
    """
    notebook = nbformat.read(path, as_version=4)
    with tempfile.TemporaryDirectory() as folder:
        resources = {"metadata": {"path": folder}}
        client = NotebookClient(notebook, km=kernel, timeout=TIMEOUT_SECONDS, resources=resources)
        client.execute()
        if kernel is not None:
            client.kc.stop_channels()
    for cell in notebook.cells:
        cell.metadata = {}
        if cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if not _is_progress(output)]
    return notebook


def _is_progress(output: Any) -> bool:
    shown = "".join(output.get("data", {}).get("text/html", ""))
    return output.get("name") == "stderr" or "cells computed</small>" in shown or shown.startswith(MESSAGE)


def main(paths: list[str]) -> None:
    """Execute notebooks, by default all, and write them back."""
    for path in map(Path, paths) if paths else sorted(EXAMPLES.glob("*.ipynb")):
        notebook = executed(path)
        path.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
