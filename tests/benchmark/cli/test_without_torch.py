"""Commands that only read CSV and JSON import neither torch nor scikit-image, and so answer at once."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from mia_bench.benchmark.leaderboard.store import write_record

from ...helpers.boards import cell

BOARD = Path(__file__).parents[3] / "results" / "reference" / "defenses.csv"
HEAVY = ("torch", "torchvision", "skimage", "scipy.stats", "matplotlib")


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """A results folder with one failed cell that was planned."""
    failed = cell("undefended", "{}", "ridge", None)
    write_record(tmp_path, failed)
    (tmp_path / "plan.json").write_text(json.dumps({failed.row.cell_id: "a cell"}))
    return tmp_path


@pytest.mark.parametrize(
    "words",
    [
        ["rank", str(BOARD)],
        ["rank", str(BOARD), "--format", "latex"],
        ["audit", str(BOARD)],
        ["compare", str(BOARD), str(BOARD)],
        ["status", "RESULTS"],
        ["merge", "RESULTS", "-o", "MERGED"],
        ["submit", "RESULTS", "-o", "MERGED.zip"],
    ],
    ids=" ".join,
)
def test_commands_that_read_results_run_where_torch_cannot_be_imported(words: list[str], results: Path) -> None:
    words = [word.replace("RESULTS", str(results)).replace("MERGED", str(results / "merged")) for word in words]
    code = f"""
import sys
sys.modules.update(dict.fromkeys({HEAVY}))  # an import of any of these is an error
from mia_bench.benchmark.cli import app
sys.argv = ["mia-bench", *{words}]
app()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)

    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
