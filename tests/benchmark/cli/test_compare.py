"""``compare`` and ``rank`` as their users meet them."""

import re
from io import StringIO
from pathlib import Path

import pandas as pd
import pytest
from mia_bench.benchmark.leaderboard.ranking import rank
from mia_bench.benchmark.leaderboard.records import Record
from mia_bench.benchmark.leaderboard.store import rebuild, write_record

from ...helpers.commands import mia_bench
from ..compare.test_differences import BETTER, DECIBELS, MEAN, cell
from ..leaderboard.test_ranking import record

ROOT = Path(__file__).parents[3]


def folder(path: Path, *cells: Record) -> Path:
    for each in cells:
        write_record(path, each)
    rebuild(path, ())
    return path


@pytest.fixture
def before(tmp_path: Path) -> Path:
    return folder(tmp_path / "a", MEAN, cell("ridge"), cell("pinv"))


@pytest.fixture
def after(tmp_path: Path) -> Path:
    return folder(tmp_path / "b", MEAN, cell("ridge", BETTER, version="2"), cell("nearest"))


def test_a_run_and_itself_say_no_change(before: Path) -> None:
    for path in (before, before / "leaderboard.csv"):
        result = mia_bench("compare", path, path, "--fail-if", "psnr_db > +0", "--fail-if", "changed > 0")

        assert (result.exit_code, result.stderr) == (0, "")
        assert result.stdout.startswith("No change in psnr_db, ssim, accuracy.\n3 cells in both boards: 0 changed")


def test_the_table_says_what_changed_and_by_how_much(before: Path, after: Path) -> None:
    result = mia_bench("compare", before, after)

    lines = [re.split(r"  +", line) for line in result.stdout.splitlines()]
    assert result.exit_code == 0
    assert "dataset d, model m, split s, defense dp_ir, seed 0, n_images 8" in result.stdout
    assert ["changed", "ridge", "13.44 -> 14.29 +0.85*", "0.100", "0.9000"] in lines
    assert ["missing", "pinv", "13.44 ->", "0.100 ->", "0.9000 ->"] in lines
    assert ["added", "nearest", "-> 13.44", "-> 0.100", "-> 0.9000"] in lines
    assert "1 changed, 1 the same; 1 only in A, 1 only in B" in result.stdout
    assert "1 test, 1 of the mean difference over the same private images" in result.stdout


def test_latex_has_chosen_columns_and_significant_changes_in_bold(before: Path, after: Path) -> None:
    result = mia_bench("compare", before, after, "--format", "latex", "--columns", "attack,psnr_db,client_ms")

    lines = result.stdout.splitlines()
    assert lines[:3] == [r"\begin{tabular}{lll}", r"\toprule", r"attack & psnr\_db & client\_ms \\"]
    assert r"ridge & \textbf{13.44 $\to$ 14.29 +0.85*} & " in result.stdout
    assert lines[-1] == r"\end{tabular}"
    wrong = mia_bench("compare", before, after, "--columns", "psnr")
    assert wrong.exit_code == 2
    assert "Expected columns of a comparison for --columns, got 'psnr'. Did you mean 'psnr_db'?" in wrong.stderr


def test_csv_has_all_cells_and_nothing_else_on_stdout(before: Path, after: Path) -> None:
    result = mia_bench("compare", before, after, "--format", "csv")

    frame = pd.read_csv(StringIO(result.stdout)).set_index("attack")
    assert frame["state"].to_dict() == {"mean_image": "same", "ridge": "changed", "pinv": "missing", "nearest": "added"}
    assert frame.loc["ridge", "psnr_db_change"] == pytest.approx(0.85)
    assert frame.loc["ridge", "psnr_db_test"] == "paired"
    assert frame.loc["ridge", "psnr_db_change_low"] < 0.85 < frame.loc["ridge", "psnr_db_change_high"]
    assert "only in A" in result.stderr
    assert re.search(r"\| changed +\| ridge +\|", mia_bench("compare", before, after, "--format", "markdown").stdout)


@pytest.mark.parametrize(
    ("condition", "code"),
    [
        ("psnr_db > +0.5", 1),
        ("psnr_db > +0.9", 0),
        ("psnr_db < -0.1", 0),
        ("psnr_db > 14", 1),
        ("psnr_db > 15", 0),
        ("accuracy < 0.95", 1),
        ("missing > 0", 1),
        ("added > 1", 0),
        ("changed >= 1", 1),
    ],
)
def test_a_condition_that_is_met_gives_exit_code_1_and_names_the_cell(
    condition: str, code: int, before: Path, after: Path
) -> None:
    result = mia_bench("compare", before, after, "--fail-if", condition)

    assert result.exit_code == code
    assert ("Failed: " + condition in result.stderr) == bool(code)
    assert "1 cell of A is missing in B" in result.stderr
    if condition.startswith("psnr_db > +0.5"):
        assert "d m s dp_ir ridge seed 0 (13.4375 in A, 14.2875 in B)." in result.stderr


def test_a_cell_that_lost_its_score_meets_every_condition(before: Path, tmp_path: Path) -> None:
    failed = cell("ridge", DECIBELS, status="failed", reason="no memory", psnr_db=None, ssim=None, version="2")

    result = mia_bench("compare", before, folder(tmp_path / "b", MEAN, failed), "--fail-if", "psnr_db > +9")

    assert result.exit_code == 1
    assert "ridge seed 0 (13.4375 in A, no value in B)." in result.stderr
    assert "failed in B: no memory" in result.stdout


def test_a_change_between_metrics_meets_every_condition_and_values_are_checked(before: Path, tmp_path: Path) -> None:
    other = cell("ridge", task="regression", utility=0.8, utility_metric="r2", accuracy=None, version="2")
    after = folder(tmp_path / "b", MEAN, other)

    changes, values = (mia_bench("compare", before, after, "--fail-if", f"utility < {limit}") for limit in ("-9", "0"))

    assert (changes.exit_code, values.exit_code) == (1, 0)
    assert "ridge seed 0 (0.9 in A, 0.8 of another utility_metric in B)." in changes.stderr
    assert "left out in 1 cell, since utility_metric is accuracy in A and r2 in B." in values.stdout


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--fail-if", "leak_r2 > +0.1"], "got 'leak_r2 > +0.1', but no cell of both boards has a value in A"),
        (["--fail-if", "psnr > 1"], "Did you mean 'psnr_db'?"),
        (["--on", "dataset,modle"], "for --on, got 'modle'. Did you mean 'model'?"),
        (["--on", ","], "Expected columns for --on, got ','."),
    ],
)
def test_bad_usage_is_one_sentence_and_exit_code_2(words: list[str], sentence: str, before: Path, after: Path) -> None:
    result = mia_bench("compare", before, after, *words)

    assert result.exit_code == 2
    assert sentence in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


PAPER = "dataset,model,split,defense,attack,psnr_db,source\n"
DAMAGED = {
    "missing": None,
    "empty": "",
    "no board": "a,b\n1,2\n",
    "no rows": PAPER,
    "a word for a number": PAPER + "d,m,s,dp_ir,ridge,ten,paper\n",
    "cut short": PAPER + "d,m,s\n",
    "unknown column": PAPER.replace("psnr_db", "psnr") + "d,m,s,dp_ir,ridge,10,paper\n",
    "no JSON": "attack_params," + PAPER + "{,d,m,s,dp_ir,ridge,10,paper\n",
    "JSON, but no object": "attack_params," + PAPER + "3,d,m,s,dp_ir,ridge,10,paper\n",
    "too many values": PAPER + "d,m,s,dp_ir,ridge,10,paper,more\n" * 2,
}


@pytest.mark.parametrize("content", DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_board_is_one_sentence_that_names_it(content: str | None, before: Path, tmp_path: Path) -> None:
    path = tmp_path / "board.csv"
    if content is not None:
        path.write_text(content)

    for words in ((before, path), (path, before)):
        result = mia_bench("compare", *words)

        assert result.exit_code == 2
        assert str(path) in result.stderr
        assert len(result.stderr.strip().splitlines()) == 1


def test_a_damaged_record_is_named(before: Path, after: Path) -> None:
    victim = next((after / "cells").iterdir())
    victim.write_text(victim.read_text()[:50])

    result = mia_bench("compare", before, after)

    assert result.exit_code == 2
    assert f"{victim} is not a valid record" in result.stderr


def test_the_papers_figures_are_compared_with_ours(tmp_path: Path) -> None:
    ours = cell("white_box", [40.0] * 8, dataset="mnist", model="lenet5", split="conv1")
    ours = ours.model_copy(update={"row": ours.row.model_copy(update={"defense": "undefended"})})

    result = mia_bench("compare", ROOT / "results/papers/he2019.csv", folder(tmp_path / "ours", ours))

    (line,) = (line for line in result.stdout.splitlines() if line.startswith("changed"))
    assert re.split(r"  +", line)[-4:-1] == ["Table 3", "39.69 -> 40.00 +0.31", "0.997 -> 0.100 -0.897"]
    assert "Nothing is tested" in result.stdout
    assert "A holds published results" in result.stdout


def tables_of(page: str) -> list[list[dict[str, str]]]:
    """The tables of a Markdown page, as lines of texts by column."""
    tables = []
    for block in re.findall(r"(?:^\|.*\|\n)+", page, flags=re.MULTILINE):
        header, _, *lines = ([text.strip() for text in line.strip("|").split("|")] for line in block.splitlines())
        tables.append([dict(zip(header, line, strict=True)) for line in lines])
    return tables


def test_the_example_by_hand_in_the_docs_is_what_rank_gives() -> None:
    given, expected = tables_of((ROOT / "docs" / "explanation" / "ranking.md").read_text())
    cells = [
        record(
            line["defense"],
            line["attack"],
            [float(line[f"image {image}, dB"]) for image in (1, 2, 3)],
            [float(line[f"image {image}, SSIM"]) for image in (1, 2, 3)],
            accuracy=float(line["accuracy"]),
            accuracy_undefended=0.9,
            accuracy_images=10_000,
        )
        for line in given
    ]

    ranked = rank([each.row for each in cells], {each.row.cell_id: each for each in cells}).to_dict(orient="records")

    assert [line["defense"] for line in ranked] == [line["defense"] for line in expected]
    for found, line in zip(ranked, expected, strict=True):
        for column, text in line.items():
            if column in ("pareto", "incomplete"):
                assert found[column] == (text == "yes"), (line["defense"], column)
            elif column in ("defense", "worst_attack"):
                assert found[column] == text
            else:
                assert found[column] == pytest.approx(float(text), abs=5e-5), (line["defense"], column)
    of_means = {line["defense"]: line["psnr_db"] for line in rank([each.row for each in cells], {}).to_dict("records")}
    assert of_means["undefended"] == pytest.approx(77 / 3)
