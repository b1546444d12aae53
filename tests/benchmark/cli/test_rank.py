"""``mia-bench rank``: the columns that it prints."""

from pathlib import Path

import pytest
from mia_bench.benchmark.cli import app
from typer.testing import CliRunner, Result

from ...helpers.boards import cells, write

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


def test_a_table_fits_100_columns_and_names_what_it_leaves_out() -> None:
    result = ranked()

    assert max(map(len, result.stdout.splitlines())) <= 100
    assert "psnr_db" in result.stdout
    assert "Left out to fit: " in result.stderr
    assert "client_macs" in result.stderr
    wide = ranked("--wide")
    assert "client_macs" in wide.stdout
    assert "client_ms" in wide.stdout
    assert "Left out" not in wide.stderr


def test_latex_prints_the_best_of_each_scenario_in_bold(tmp_path: Path) -> None:
    board = write(tmp_path / "results", cells(), pictured=False)

    words = ["rank", str(board), "--format", "latex", "--columns", "defense,psnr_db,accuracy"]
    text = CliRunner().invoke(app, words).stdout

    assert r"\toprule" in text
    assert r"sealed & \textbf{12.10} & \textbf{0.9850} \\" in text
    assert r"noise:sigma=10.0 & 12.20 & 0.6000 \\" in text
    assert "undefended & 31.00 & 0.9900" in text  # it does not compete
    assert text.count("textbf") == 2
