"""The notebooks of ``examples/`` run from their first to their last cell."""

import importlib.util
import json
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from jupyter_client.manager import KernelManager

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "examples").glob("*.ipynb"))

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::RuntimeWarning"),  # of the sockets of Jupyter
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]


@pytest.fixture(scope="module")
def notebooks() -> ModuleType:
    """The script that executes notebooks."""
    spec = importlib.util.spec_from_file_location("notebooks", ROOT / "docs" / "notebooks.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def kernel(notebooks: ModuleType) -> Iterator[Any]:
    """One Jupyter kernel for all notebooks, since it takes seconds to import torch."""
    manager = KernelManager()
    manager.start_kernel()
    yield manager
    manager.shutdown_kernel(now=True)


@pytest.fixture
def emptied(kernel: Any, notebooks: ModuleType, tmp_path: Path) -> Any:
    """The kernel without the names of the notebook before, in an empty folder."""
    forget = notebooks.nbformat.v4.new_code_cell(f"%reset -f\nimport os\nos.chdir({str(tmp_path)!r})\ndel os")
    execute(notebooks.NotebookClient(notebooks.nbformat.v4.new_notebook(cells=[forget]), km=kernel))
    return kernel


def execute(client: Any) -> None:
    """Execute a notebook in a kernel that others use later."""
    client.execute()
    client.kc.stop_channels()


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_and_shows_what_the_documentation_shows(
    path: Path, notebooks: ModuleType, emptied: Any
) -> None:
    kept = notebooks.nbformat.read(path, as_version=4)

    found = notebooks.executed(path, kernel=emptied)

    def kinds(notebook: object) -> list[list[str]]:
        return [
            sorted({kind for output in cell.get("outputs", []) for kind in output.get("data", {})})
            for cell in notebook.cells  # pyright: ignore[reportAttributeAccessIssue]
        ]

    assert kinds(found) == kinds(kept)
    assert not any(output.output_type == "error" for cell in found.cells for output in cell.get("outputs", []))


def test_figures_and_results_are_shown_without_a_magic_command() -> None:
    cells = [cell for path in NOTEBOOKS for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]]
    shown = [output.get("data", {}) for cell in cells for output in cell.get("outputs", [])]
    figures = [data for data in shown if "<Figure" in str(data.get("text/plain")) or "image/png" in data]

    assert len(NOTEBOOKS) == 4
    assert len(figures) == 3
    assert all("image/png" in data for data in figures)
    assert any("data:image/png;base64," in str(data.get("text/html")) for data in shown)
    assert not any("%matplotlib" in "".join(cell["source"]) for cell in cells)


PROGRESS = """
import mia_bench, torch
network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 8), torch.nn.Linear(8, 3))
mia_bench.run(
    model=network, split="1", dataset=torch.rand(30, 1, 8, 8), attacks="ridge", defenses="undefended", out="results"
);
"""


def test_progress_is_a_bar_that_ends_as_a_sentence(notebooks: ModuleType, emptied: Any) -> None:
    shown: list[str] = []

    class Watched(notebooks.NotebookClient):
        def process_message(self, msg: dict[str, Any], *others: Any) -> Any:
            html = msg["content"].get("data", {}).get("text/html", "")
            shown.extend([html] if "<small>" in html else [])
            return super().process_message(msg, *others)

    notebook = notebooks.nbformat.v4.new_notebook(cells=[notebooks.nbformat.v4.new_code_cell(PROGRESS)])
    execute(Watched(notebook, km=emptied, timeout=300))

    bars = [re.findall(r'<progress value="(\d+)" max="2">', html) for html in shown]
    assert bars == [["0"], ["0"], ["1"], ["1"], ["2"], []]
    assert "ridge" in shown[1]
    assert shown[-1] == "<small>2 of 2 cells computed</small>"
    outputs = [output.get("data", {}) for output in notebook.cells[0].outputs]
    assert shown[-1] in [data.get("text/html") for data in outputs]
