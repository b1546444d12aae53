"""The commands merge, submit and verify."""

from pathlib import Path

from ...helpers.boards import cell, write
from ...helpers.commands import mia_bench, run


def test_results_are_merged_submitted_and_verified(tree: Path, tmp_path: Path) -> None:
    for name, sigma in (("a", "0.1"), ("b", "0.5")):
        assert run(tree, tmp_path / name, "--attack", "ridge", "--defense", "dp_ir", "--sigma", sigma).exit_code == 0
    both, archive = tmp_path / "both", tmp_path / "submission.zip"

    merged = mia_bench("merge", tmp_path / "a", tmp_path / "b", "-o", both)
    submitted = mia_bench("submit", both, "-o", archive, "--title", "Noise")
    verified = mia_bench("verify", archive, "--cells", "1", "--seed", "1", "--data-dir", tree)

    assert merged.stderr == ""
    assert merged.stdout == f"Merged 6 cells; 2 were in several folders.\nWrote {both / 'leaderboard.csv'}\n"
    assert submitted.stdout == f"Wrote {archive} with 6 cells. Check it with: mia-bench verify {archive}\n"
    assert (verified.exit_code, verified.stdout.splitlines()[0]) == (
        0,
        f"{archive} is a valid submission of 6 cells, of which 6 are done.",
    )
    assert verified.stdout.splitlines()[-1] == (
        "1 cells verified, 0 differ, 0 not re-run. 5 of 6 cells are self-reported."
    )


def test_verify_fails_if_nothing_could_be_computed_again(tmp_path: Path) -> None:
    folder = write(tmp_path / "results", [cell("noise", "{}", "ridge", 20.0)])
    archive = tmp_path / "submission.zip"
    assert mia_bench("submit", folder, "-o", archive).exit_code == 0

    tried, read = mia_bench("verify", archive), mia_bench("verify", archive, "--cells", "0")

    assert (tried.exit_code, read.exit_code) == (1, 0)
    assert "0 cells verified, 0 differ, 1 not re-run. 1 of 1 cells are self-reported." in tried.stdout
    assert read.stdout.splitlines()[-1] == "No cell was computed again, so all scores are self-reported."
