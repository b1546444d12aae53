"""What ``rank``, ``status`` and ``audit`` say of a run."""

import json
import shutil
from io import StringIO
from pathlib import Path

import pandas as pd
import pytest
from mia_bench.benchmark.leaderboard.plan_file import write_plan
from mia_bench.benchmark.leaderboard.results_folder import FIRST_RUN

from ...helpers.boards import cell, cells, write
from ...helpers.commands import mia_bench, run


def test_rank_and_status_of_a_run(tree: Path, tmp_path: Path) -> None:
    out = tmp_path / "results"
    assert run(tree, out, "--defense", "dp_ir", "--sigma", "2", "--attack", "ridge").exit_code == 0

    ranked = mia_bench("rank", out / "leaderboard.csv", "--format", "csv")
    status = mia_bench("status", out)

    assert ranked.stdout.splitlines()[0].startswith("dataset,model,split,n_images,defense")
    assert [line.split(",")[4] for line in ranked.stdout.splitlines()[1:]] == ["dp_ir", "undefended"]
    assert status.stdout.strip() == "4 done, 0 failed, 0 inapplicable, 0 missing"
    for notation, sign in (
        ("table", "psnr_db"),
        ("markdown", "|:---"),
        ("latex", r"\toprule"),
        ("html", "<table"),
    ):
        assert sign in mia_bench("rank", out / "leaderboard.csv", "--format", notation).stdout


def test_audit_reads_folders_and_boards_and_strict_fails_on_flags(tree: Path, tmp_path: Path) -> None:
    out = tmp_path / "results"
    assert run(tree, out, "--defense", "dp_ir", "--sigma", "2", "--attack", "ridge").exit_code == 0

    honest = [mia_bench("audit", path, "--strict") for path in (out, out / "leaderboard.csv")]

    assert [(each.exit_code, each.stdout) for each in honest] == [(0, "No flags.\n")] * 2

    for path in (out / "cells").glob("*.json"):
        record = json.loads(path.read_text())
        if (record["row"]["defense"], record["row"]["attack"]) == ("dp_ir", "ridge"):
            record["details"]["aux_overlap"] = 2
            path.write_text(json.dumps(record))
    planted, strict = mia_bench("audit", out), mia_bench("audit", out / "leaderboard.csv", "--strict")

    assert (planted.exit_code, strict.exit_code) == (0, 1)
    assert planted.stdout == strict.stdout
    assert planted.stdout.startswith("aux-overlap: 1 cell. ")
    last = planted.stdout.splitlines()[-1]
    assert last.startswith("  - ridge on dp_ir:sigma=2.0 (imagefolder:size=16 lenet5 conv1 seed 0) had 2 of the 4 ")
    ranked = pd.read_csv(StringIO(mia_bench("rank", out / "leaderboard.csv", "--format", "csv").stdout))
    assert dict(zip(ranked["defense"], ranked["flags"].fillna(""), strict=True)) == {
        "dp_ir": "aux-overlap",
        "undefended": "",
    }
    again = run(tree, out, "--defense", "dp_ir", "--sigma", "2", "--attack", "ridge")
    assert "Flag aux-overlap, 1 cell (ridge on dp_ir:sigma=2.0). Remove the duplicates" in again.stderr
    assert "run mia-bench audit on the results folder" in again.stderr
    assert again.stdout.splitlines()[-1] == f"Wrote {out / 'leaderboard.csv'}"


def test_the_status_of_a_folder_without_a_run_says_which_folder_to_give(tmp_path: Path) -> None:
    result = mia_bench("status", tmp_path)

    assert result.exit_code == 2
    assert "which has no plan.json. Give the folder that the option --out of mia-bench run named." in result.stderr


@pytest.mark.parametrize("command", ["rank", "audit", "report", "merge", "rate", "compare", "submit"])
def test_a_run_that_ended_before_its_first_cell_is_to_be_resumed(command: str, tmp_path: Path) -> None:
    out = tmp_path / "results"
    out.mkdir()
    write_plan(out, {"0" * 16: "photos", "1" * 16: "photos"})
    others = {"merge": ["-o", tmp_path / "all"], "compare": [out], "submit": ["-o", tmp_path / "it.zip"]}.get(
        command, []
    )

    result = mia_bench(command, out, *others)

    assert result.exit_code == 2
    assert result.stderr == (
        f"Error: Expected finished cells in {out}, got a run that has planned 2 cells and finished none. Rerun the "
        f"same command to resume. See mia-bench status {out}.\n"
    )


def test_a_folder_with_the_plan_of_another_program_has_no_results(tmp_path: Path) -> None:
    (tmp_path / "plan.json").write_text('{"resource_changes": []}')

    assert "got no cells/*.json. Name another folder." in mia_bench("rank", tmp_path).stderr


def test_a_table_is_ranked_beside_the_plan_of_another_program(tmp_path: Path) -> None:
    board = write(tmp_path / "results", cells(), pictured=False) / "leaderboard.csv"
    table = Path(shutil.copy(board, tmp_path / "board.csv"))
    (tmp_path / "plan.json").write_text('{"resource_changes": []}')

    result = mia_bench("rank", table)

    assert (result.exit_code, "plan.json" in result.stderr) == (0, False)


def test_a_board_without_rows_does_not_pass_the_audit(tmp_path: Path) -> None:
    board = write(tmp_path / "results", cells(), pictured=False) / "leaderboard.csv"
    empty = tmp_path / "empty.csv"
    empty.write_text(board.read_text().splitlines()[0] + "\n")

    result = mia_bench("audit", empty, "--strict")

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == f"Error: Expected results to audit, got no rows in {empty}. {FIRST_RUN}\n"


def test_the_audit_refuses_two_versions_of_one_cell_as_rank_does(tmp_path: Path) -> None:
    folders = [
        write(tmp_path / name, [cell("noise", "{}", "ridge", 20.0, cell_id=name * 16)], pictured=False) for name in "ab"
    ]

    results = [mia_bench(command, *folders) for command in ("audit", "rank")]

    assert [result.exit_code for result in results] == [2, 2]
    assert "are both ridge on noise, but of different data or versions" in results[0].stderr
    assert results[0].stderr == results[1].stderr
    words = " ".join(results[0].stderr.split())
    assert f" in {folders[0]} and " in words
    assert f" in {folders[1]} are both ridge on noise" in words
    assert words.endswith(f"Give {folders[0]} and {folders[1]} to two commands.")


def test_commands_that_complete_a_board_add_to_its_folder(tmp_path: Path) -> None:
    out, page = write(tmp_path / "some results", cells(), pictured=False), tmp_path / "page.html"

    said = [mia_bench("audit", out).stdout, mia_bench("rank", out).stderr]
    assert mia_bench("report", out, "-o", page).exit_code == 0

    assert [f"--images 6 --out '{out}'" in text for text in [*said, page.read_text()]] == [True] * 3
