"""Texts of records that would drive a terminal, compute in a spreadsheet, or fill a disk."""

from pathlib import Path

import pandas as pd
from mia_bench.benchmark.leaderboard.results_folder import record_path
from mia_bench.benchmark.leaderboard.store import read_rows

from ..benchmark.leaderboard.test_ranking import record
from .answers import answer
from .boards import HOSTILE, results


def test_nothing_of_a_hostile_record_drives_the_terminal(tmp_path: Path) -> None:
    failed = record("dropout", "ridge", [0.0] * 2, [0.0] * 2, status="failed", reason=HOSTILE, defense_params="{}")
    shown = record(HOSTILE, "mean_image", [10.0] * 2, [0.1] * 2, split=HOSTILE)
    out = results(tmp_path / "results", failed, shown)

    for words in (
        ["status"],
        ["audit"],
        *(["rank", "--format", name] for name in ("table", "markdown", "latex", "html")),
    ):
        text = answer(*words, out).stdout
        assert "\u202e" not in text
    assert len(answer("rank", "--format", "markdown", out).stdout.splitlines()) == 4


def test_formulas_are_no_formulas_in_a_table_and_come_back_as_they_were(tmp_path: Path) -> None:
    texts = ["=cmd|' /C calc'!A0", "+1", "-1", "@sum", "'=x", "'quoted'", "a\rb", "''+", "plain"]
    made = [record("d", f"attack {at}", [9.0] * 2, [0.1] * 2, split=text) for at, text in enumerate(texts)]
    path = results(tmp_path / "results", *made) / "leaderboard.csv"

    cells_of_file = pd.read_csv(path, dtype=str)["split"]

    assert not cells_of_file.str.match(r"[=+\-@]").any()
    assert sorted(row.split for row in read_rows(path)) == sorted(texts)
    assert read_rows(path)[0].psnr_db == 9.0


def test_a_message_of_megabytes_is_cut_and_kept_on_one_line(tmp_path: Path) -> None:
    failed = record("dropout", "ridge", [0.0] * 2, [0.0] * 2, status="failed", reason="x\n" * 2_500_000)
    out = results(tmp_path / "results", failed)

    (row,) = read_rows(out / "leaderboard.csv")

    assert 990 < len(row.reason) <= 1000
    assert row.reason.endswith("x ...")
    assert record_path(out, row.cell_id).stat().st_size < 5000
    failed_cell, counts, *_ = answer("status", out).stdout.splitlines()
    assert failed_cell.startswith("failed")
    assert counts == "0 done, 1 failed, 0 inapplicable, 0 missing"
