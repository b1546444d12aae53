"""``mia-bench rank``: the columns that it prints."""

from pathlib import Path

import pytest
from mia_bench.benchmark.cli import app
from typer.testing import CliRunner, Result

BOARD = Path(__file__).parents[3] / "results" / "reference" / "auto-cifar10.csv"


def ranked(*words: str) -> Result:
    return CliRunner().invoke(app, ["rank", str(BOARD), *words])


@pytest.mark.parametrize("notation", ["table", "csv", "markdown", "latex", "html"])
def test_chosen_columns_are_printed_in_their_order(notation: str) -> None:
    result = ranked("--columns", "psnr_db,defense", "--format", notation)

    assert result.exit_code == 0, result.output
    text = result.stdout.replace(r"\_", "_")
    assert text.index("psnr_db") < text.index("defense")
    assert "accuracy" not in text


def test_a_chosen_column_that_a_table_leaves_out_is_printed() -> None:
    header = ranked("--columns", "defense,client_ms,seeds").stdout.splitlines()[0]

    assert header.split() == ["defense", "client_ms", "seeds"]


@pytest.mark.parametrize(
    ("columns", "sentence"),
    [("psnr", "got 'psnr'. Did you mean 'psnr_db'? Available: dataset, "), (" ,", "got ' ,'. Name some, as in")],
)
def test_a_column_that_a_ranking_does_not_have_is_refused(columns: str, sentence: str) -> None:
    result = ranked("--columns", columns)

    assert result.exit_code == 2
    assert result.stderr.startswith("Error: Expected columns")
    assert sentence in result.stderr
