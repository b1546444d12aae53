"""The commands merge, submit and verify."""

import errno
import os
from pathlib import Path

import pytest
from mia_bench.benchmark.leaderboard.store import read_records, write_record

from ...helpers.boards import cell, write
from ...helpers.commands import mia_bench, run


@pytest.mark.slow
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
        "1 cell verified, 0 within chance, 0 differ, 0 not re-run. 5 of 6 cells are self-reported."
    )


@pytest.mark.parametrize(
    ("words", "out"),
    [
        (("merge", "{results}", "-o", "{out}"), "both"),
        (("submit", "{results}", "-o", "{out}"), "submission.zip"),
        (("report", "{results}", "-o", "{out}"), "report.html"),
        (("rate", "{results}", "-o", "{out}"), "rate.html"),
    ],
)
def test_a_full_disk_is_one_sentence_and_the_command_succeeds_when_there_is_room(
    words: tuple[str, ...], out: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    results = write(tmp_path / "results", [cell("noise", "{}", "ridge", 20.0)])
    path = tmp_path / out
    command = [word.format(results=results, out=path) for word in words]

    def fsync(file: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fsync)
        full = mia_bench(*command)

    written = results if words[0] == "rate" else path  # the answers come before the page
    assert full.exit_code == 2
    assert full.stderr == (
        f"Error: Cannot write {written}: No space left on device. Check its permissions and the free space, or choose "
        "another path.\n"
    )
    assert mia_bench(*command).exit_code == 0
    assert path.exists()


def test_verify_fails_if_nothing_could_be_computed_again(tmp_path: Path) -> None:
    folder = write(tmp_path / "results", [cell("noise", "{}", "ridge", 20.0)])
    archive = tmp_path / "submission.zip"
    assert mia_bench("submit", folder, "-o", archive).exit_code == 0

    tried, read = mia_bench("verify", archive), mia_bench("verify", archive, "--cells", "0")

    assert (tried.exit_code, read.exit_code) == (1, 0)
    assert "0 cells verified, 0 within chance, 0 differ, 1 not re-run. 1 of 1 cell is self-reported." in tried.stdout
    assert read.stdout.splitlines()[-1] == "No cell was computed again, so all scores are self-reported."


def test_verify_names_what_was_left_out_of_one_defense(tmp_path: Path) -> None:
    cells = [
        cell("noise", "{}", "ridge", 20.0),
        cell("noise", "{}", "white_box", 25.0),
        cell("other", "{}", "ridge", 19.0),
    ]
    archive = tmp_path / "submission.zip"
    assert mia_bench("submit", write(tmp_path / "results", cells), "-o", archive).exit_code == 0

    read = mia_bench("verify", archive, "--cells", "0")

    assert "1 row is incomplete, so more may leak than it shows:" in read.stdout
    assert "  other lacks white_box at seed 0 (missing)" in read.stdout


def test_verify_names_the_seeds_that_were_left_out_of_one_defense(tmp_path: Path) -> None:
    cells = [cell("noise", "{}", "ridge", 20.0 + seed, seed=seed) for seed in range(3)]
    archive = tmp_path / "submission.zip"
    assert mia_bench(
        "submit", write(tmp_path / "results", [*cells, cell("other", "{}", "ridge", 19.0, seed=2)]), "-o", archive
    )

    read = mia_bench("verify", archive, "--cells", "0")

    assert "  other lacks ridge at seeds 0, 1 (missing)" in read.stdout


def test_outcomes_without_a_cell_to_compute_are_refused(tmp_path: Path) -> None:
    tried = mia_bench("verify", tmp_path / "any.zip", "--cells", "0", "--verdicts", tmp_path / "v.json")

    assert tried.exit_code == 2
    assert "Expected at least 1 cell for the outcomes in" in " ".join(tried.stderr.split())


def test_cells_of_objects_and_files_are_marked_as_self_reported(tree: Path, tmp_path: Path) -> None:
    out, archive = tmp_path / "results", tmp_path / "submission.zip"
    assert run(tree, out, "--attack", "ridge", "--defense", "dp_ir:sigma=0.5").exit_code == 0
    own = {"model": "module:kind=Net,content=sha256:0123"}, {"plugin_version": "object==sha256:0123", "defense": "mine"}
    records = list(read_records(out).values())
    for number, changes in enumerate(own):
        row = records[number].row.model_copy(update=changes | {"cell_id": f"{number:016x}"})
        write_record(out, records[number].model_copy(update={"row": row}))

    submitted = mia_bench("submit", out, "-o", archive)
    verified = mia_bench("verify", archive, "--cells", "9", "--data-dir", tree)

    assert submitted.stdout.startswith(
        "2 of 6 cells name files, code or objects that only this machine or Python session has, such as "
    )
    assert "Nobody can compute them again, so they stay self-reported." in submitted.stdout
    assert "2 cells name files, code or objects of the machine that computed them." in verified.stdout
    assert verified.stdout.splitlines()[-1].endswith(
        "4 cells verified, 0 within chance, 0 differ, 0 not re-run. 2 of 6 cells are self-reported."
    )
    assert verified.exit_code == 0


@pytest.mark.parametrize(
    ("verdicts", "sentence"),
    [("folder", "Expected --verdicts to be a file, got the folder "), ("file/v.json", "Cannot write ")],
)
def test_outcomes_that_cannot_be_written_are_refused_before_any_cell_is_computed(
    verdicts: str, sentence: str, tmp_path: Path
) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()

    tried = mia_bench("verify", tmp_path / "missing.zip", "--verdicts", tmp_path / verdicts)

    assert (tried.exit_code, tried.stdout) == (2, "")
    assert sentence in tried.stderr


def test_a_folder_in_place_of_a_submission_is_named_as_one(tmp_path: Path) -> None:
    tried = mia_bench("verify", tmp_path)

    assert (tried.exit_code, tried.stdout) == (2, "")
    assert f"Expected a submission, which is a file, got the folder {tmp_path}." in tried.stderr
