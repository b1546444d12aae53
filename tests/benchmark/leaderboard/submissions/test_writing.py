"""Results are written as a submission whole, or not at all."""

import json
import re
from pathlib import Path

import pytest
from mia_bench.benchmark.errors import UsageError
from mia_bench.benchmark.leaderboard.results_folder import plan_path, record_path, strip_path
from mia_bench.benchmark.leaderboard.submissions import writing
from mia_bench.benchmark.leaderboard.submissions.reading import read_submission
from mia_bench.benchmark.leaderboard.submissions.writing import write_submission

from ....helpers.boards import cell, cells, write


def test_a_submission_holds_all_records_and_says_who_sent_it(results: Path) -> None:
    path = results.parent / "submission.zip"
    write_submission(results, path, title="Noise", paper="https://example.org/paper.pdf")

    submission = read_submission(path)

    assert submission.manifest.title == "Noise"
    assert submission.manifest.paper == "https://example.org/paper.pdf"
    assert sorted(submission.records) == sorted(each.row.cell_id for each in cells())


def test_equal_results_give_equal_submissions(results: Path) -> None:
    paths = [results.parent / name for name in ("one.zip", "two.zip")]
    for path in paths:
        write_submission(results, path)

    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_missing_cells_of_the_plan_are_not_submitted(tmp_path: Path) -> None:
    folder = write(tmp_path / "results", [cell("noise", "{}", "ridge", 20.0)])
    plan_path(folder).write_text(json.dumps({"0" * 16: "a cell"}))

    with pytest.raises(
        UsageError, match=r"of each planned cell in .*, but 1 of 2 is missing, such as 0000000000000000\. Rerun"
    ):
        write_submission(folder, tmp_path / "submission.zip")

    assert not (tmp_path / "submission.zip").exists()


def test_a_row_without_its_record_is_not_left_out(tmp_path: Path) -> None:
    kept, lost = cell("noise", "{}", "ridge", 20.0), cell("noise", "{}", "ridge", 20.0, seed=1)
    folder = write(tmp_path / "results", [kept, lost])
    record_path(folder, lost.row.cell_id).unlink()

    with pytest.raises(UsageError, match=rf"1 of 2 is missing, such as {lost.row.cell_id}\. Rerun"):
        write_submission(folder, tmp_path / "submission.zip")


def test_cells_of_several_versions_are_refused_by_submit_and_verify(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write(tmp_path / "mixed", [cell("noise", "{}", "ridge", 20.0, cell_id=name * 16) for name in "ab"])

    with pytest.raises(UsageError, match="of different data or versions"):
        write_submission(folder, tmp_path / "submission.zip")

    with monkeypatch.context() as unchecked:
        unchecked.setattr(writing, "each_once", list)
        write_submission(folder, tmp_path / "submission.zip")
    with pytest.raises(
        UsageError, match=r"submission\.zip is not a valid submission\. .* of different data or versions"
    ):
        read_submission(tmp_path / "submission.zip")


def test_a_damaged_image_is_named_before_anything_is_written(tmp_path: Path) -> None:
    record = cell("noise", "{}", "ridge", 20.0)
    folder = write(tmp_path / "results", [record])
    strip_path(folder, record.row.cell_id).write_bytes(b"x")

    with pytest.raises(UsageError, match=r"It is not a PNG\. Delete it to submit without it\."):
        write_submission(folder, tmp_path / "submission.zip")

    assert not (tmp_path / "submission.zip").exists()


@pytest.mark.parametrize("field", ["paper", "code"])
@pytest.mark.parametrize("address", ["javascript:alert(1)", "foo", "https://a.org/a b", "https://a.org/" + 600 * "a"])
def test_an_address_must_be_one(field: str, address: str, results: Path) -> None:
    sentence = (
        f"Expected an http:// or https:// address of at most 500 characters without blanks, got {address[:20]!r}"[:-1]
    )

    with pytest.raises(UsageError, match=f"^{re.escape(sentence)}"):
        write_submission(results, results.parent / "bad.zip", **{field: address})


def test_results_that_contradict_each_other_are_not_submitted(tmp_path: Path) -> None:
    one = cell("noise", "{}", "mean_image", 12.0)
    folder = write(tmp_path / "results", [one, cell("sealed", "{}", "mean_image", 15.0)])

    with pytest.raises(UsageError, match=r"cannot be submitted\. Expected equal psnr_db of mean_image, .* Delete"):
        write_submission(folder, tmp_path / "submission.zip")

    assert not (tmp_path / "submission.zip").exists()


def test_folders_of_two_machines_may_have_other_networks_and_rounding(tmp_path: Path) -> None:
    machines = [
        [cell(defense, "{}", "mean_image", 12.0 + shift), cell(defense, "{}", "ridge", 20.0, accuracy=0.9 - shift)]
        for defense, shift in (("noise", 0.0), ("sealed", 0.01))
    ]
    folder = write(tmp_path / "results", [each for cells in machines for each in cells])

    write_submission(folder, tmp_path / "submission.zip")

    assert len(read_submission(tmp_path / "submission.zip").rows) == 4


@pytest.mark.parametrize(("title", "paper"), [("a" * 201, ""), ("caf\udce9", ""), ("", "http" * 200)])
def test_the_remedy_is_that_of_the_field_which_is_wrong(title: str, paper: str, results: Path, tmp_path: Path) -> None:
    wanted = "Give a title in UTF-8 of at most 200 char" if title else "Give another one, or leave it out."

    with pytest.raises(UsageError, match=wanted):
        write_submission(results, tmp_path / "submission.zip", title=title, paper=paper)


def test_a_file_that_cannot_be_written_is_named(results: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=f"Cannot write {tmp_path}: Is a directory"):
        write_submission(results, tmp_path)
