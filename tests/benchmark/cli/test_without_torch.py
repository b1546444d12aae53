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


COMMANDS = [
    ["rank", str(BOARD)],
    ["rank", str(BOARD), "--format", "latex"],
    ["audit", str(BOARD)],
    ["compare", str(BOARD), str(BOARD)],
    ["status", "results"],
    ["merge", "results", "-o", "merged"],
    ["submit", "results", "-o", "merged.zip"],
]
CODE = f"""
import json, sys
sys.modules.update(dict.fromkeys({HEAVY}))  # an import of any of these is an error
from mia_bench.benchmark.cli import app
from typer.testing import CliRunner
answers = [CliRunner().invoke(app, words) for words in {COMMANDS}]
print(json.dumps([(each.exit_code, each.stdout, each.output + repr(each.exception)) for each in answers]))
"""


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[int, str, str]]:
    """The exit code and the output of each command, in one process, beside results of one failed cell."""
    folder = tmp_path_factory.mktemp("light")
    failed = cell("undefended", "{}", "ridge", None)
    write_record(folder / "results", failed)
    (folder / "results" / "plan.json").write_text(json.dumps({failed.row.cell_id: "a cell"}))
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, cwd=folder)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("index", range(len(COMMANDS)), ids=[" ".join(words) for words in COMMANDS])
def test_commands_that_read_results_run_where_torch_cannot_be_imported(
    index: int, answers: list[tuple[int, str, str]]
) -> None:
    code, stdout, everything = answers[index]

    assert code == 0, everything
    assert stdout.strip()
