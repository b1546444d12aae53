"""Results of several machines in one folder."""

import json
import resource
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mia_bench.benchmark.errors import UsageError
from mia_bench.benchmark.leaderboard import merging
from mia_bench.benchmark.leaderboard.loading import load_boards
from mia_bench.benchmark.leaderboard.merging import merge
from mia_bench.benchmark.leaderboard.plan_file import read_plan
from mia_bench.benchmark.leaderboard.ratings import Trial, add_study, read_key
from mia_bench.benchmark.leaderboard.records import Record
from mia_bench.benchmark.leaderboard.results_folder import (
    images_path,
    plan_path,
    record_files,
    record_path,
    strip_path,
)
from mia_bench.benchmark.leaderboard.submissions.writing import write_submission
from mia_bench.benchmark.report.image_gallery import open_strip

from ...helpers.boards import cell, write

RIDGE = ("noise", '{"sigma":0.1}', "ridge")


def test_a_merged_folder_holds_each_cell_once_with_strip_and_plan(tmp_path: Path) -> None:
    shared, first, second = (cell(*RIDGE, 20.0, seed=seed) for seed in range(3))
    laptop, server = write(tmp_path / "a", [shared, first]), write(tmp_path / "b", [shared, second])
    for folder, record in ((laptop, first), (server, second)):
        plan_path(folder).write_text(json.dumps({record.row.cell_id: "label"}))
    images_path(server, second.row.cell_id).parent.mkdir()
    images_path(server, second.row.cell_id).write_bytes(b"of a run from Python")

    merged = merge([laptop, server], tmp_path / "both")

    assert (merged.cells, merged.shared) == (3, 1)
    rows, records = load_boards([merged.board])
    assert {row.cell_id for row in rows} == {each.row.cell_id for each in (shared, first, second)} == records.keys()
    assert set(read_plan(tmp_path / "both")) == {first.row.cell_id, second.row.cell_id}
    assert strip_path(tmp_path / "both", second.row.cell_id).read_bytes() == (
        strip_path(server, second.row.cell_id).read_bytes()
    )
    assert images_path(tmp_path / "both", second.row.cell_id).read_bytes() == b"of a run from Python"


def test_merging_twice_and_into_a_folder_with_results_keeps_everything(tmp_path: Path) -> None:
    folders = [write(tmp_path / str(seed), [cell(*RIDGE, 20.0, seed=seed)]) for seed in range(2)]

    first, again, into = merge(folders[:1], tmp_path / "c"), merge(folders, tmp_path / "c"), merge(folders, folders[0])

    assert [first.cells, again.cells, into.cells] == [1, 2, 2]


def test_the_answers_to_all_rating_pages_are_kept(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    record = cell(*RIDGE, 20.0)
    trial, other = (Trial(cell_id=record.row.cell_id, image=image, candidates=[0, 1]) for image in (0, 1))
    laptop, server = (write(tmp_path / name, [record]) for name in ("laptop", "server"))
    for folder, study, answer in (
        (laptop, "a", trial),
        (laptop, "b", trial),
        (server, "b", other),
        (server, "c", other),
    ):
        add_study(folder, study, [answer])

    merge([laptop, server], tmp_path / "both")

    assert read_key(tmp_path / "both").studies == {"a": [trial], "b": [trial], "c": [other]}
    (warning,) = caplog.messages
    assert warning.startswith(f"Left out the answers to the rating page 'b' of {server}, since {laptop} has others.")


def test_a_full_disk_leaves_the_images_that_a_folder_has(tmp_path: Path) -> None:
    record = cell(*RIDGE, 20.0)
    laptop, both = (write(tmp_path / name, [record]) for name in ("laptop", "both"))
    strip = strip_path(both, record.row.cell_id)
    kept = strip.read_bytes()

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(kept) // 2, hard))
    try:
        with pytest.raises(UsageError, match="Cannot write"):
            merge([laptop], both)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    assert strip.read_bytes() == kept


def test_cells_that_a_killed_merge_did_not_copy_are_missing_and_come_with_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders = [write(tmp_path / str(seed), [cell(*RIDGE, 20.0, seed=seed)]) for seed in range(2)]
    for folder in folders:
        plan_path(folder).write_text(json.dumps({path.stem: "label" for path in record_files(folder)}))
    both, copy = tmp_path / "both", merging.write_record

    def killed(out: Path, record: Record) -> None:
        if record_files(out):
            raise KeyboardInterrupt
        copy(out, record)

    monkeypatch.setattr(merging, "write_record", killed)
    with pytest.raises(KeyboardInterrupt):
        merge(folders, both)
    monkeypatch.setattr(merging, "write_record", copy)

    with pytest.raises(UsageError, match="1 of 2"):
        write_submission(both, tmp_path / "submission.zip")
    assert merge(folders, both).cells == 2
    write_submission(both, tmp_path / "submission.zip")


@pytest.mark.parametrize("reverse", [False, True])
def test_a_finished_cell_is_preferred_to_a_failed_one(tmp_path: Path, reverse: bool) -> None:
    done, failed = cell(*RIDGE, 20.0, seed=0), cell(*RIDGE, None, seed=0)
    failed = failed.model_copy(
        update={"row": failed.row.model_copy(update={"cell_id": done.row.cell_id, "finished_at": "later"})}
    )
    folders = [write(tmp_path / "a", [done]), write(tmp_path / "b", [failed])]

    board = merge(folders[::-1] if reverse else folders, tmp_path / "c").board

    assert [row.status for row in load_boards([board])[0]] == ["done"]


@pytest.mark.parametrize("reverse", [False, True])
def test_measures_and_ratings_of_each_folder_are_kept(tmp_path: Path, reverse: bool) -> None:
    plain = cell(*RIDGE, 20.0)
    measured = plain.model_copy(update={"row": plain.row.model_copy(update={"lpips": 0.25})})
    rated = plain.model_copy(update={"details": {**plain.details, "recognized_by_people": 0.5}})
    folders = [write(tmp_path / str(number), [each]) for number, each in enumerate((plain, measured, rated))]

    board = merge(folders[::-1] if reverse else folders, tmp_path / "all").board

    ((row,), records) = load_boards([board])
    (record,) = records.values()
    assert row.lpips == record.row.lpips == 0.25
    assert record.details == rated.details
    assert load_boards(folders[::-1] if reverse else folders) == ([row], records)


def test_cells_of_other_data_are_refused_and_nothing_is_written(tmp_path: Path) -> None:
    folders = [write(tmp_path / name, [cell(*RIDGE, 20.0, cell_id=name * 16)]) for name in "ab"]

    with pytest.raises(UsageError, match="are both ridge on noise, but of different data or versions"):
        merge(folders, tmp_path / "c")

    assert not (tmp_path / "c").exists()


def test_contradicting_folders_are_named_and_nothing_is_written(tmp_path: Path) -> None:
    records = [cell(*RIDGE, 20.0, seed=seed) for seed in range(2)]
    folders = [write(tmp_path / "a", records), write(tmp_path / "b", [_better(each) for each in records])]

    with pytest.raises(UsageError) as caught:
        merge(folders, tmp_path / "c")

    for record, line in zip(
        sorted(records, key=lambda each: each.row.cell_id), str(caught.value).split("\n"), strict=True
    ):
        assert f"of cell {record.row.cell_id}, got 20.0 in" in line
        assert str(record_path(folders[1], record.row.cell_id)) in line
    assert not (tmp_path / "c").exists()


FACTS = {
    "guarantee": "AES-256",
    "epsilon": 0.1,
    "delta": 1e-6,
    "wire_bytes": 1.0,
    "client_macs": 1,
    "accuracy_images": 3,
    "attack_version": 9,
    "attribute_gain": -0.5,
    "bound_identified": 0.1,
}
"""What no second computation of a cell changes."""
FIRST = {"epsilon": None, "delta": 1e-5, "attack_version": 8, "attribute_gain": 0.5, "bound_identified": 0.2}


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("column", FACTS)
def test_a_cell_with_two_versions_of_a_fact_is_refused_and_nothing_is_written(
    column: str, reverse: bool, tmp_path: Path
) -> None:
    record = cell(*RIDGE, 20.0, **FIRST)
    folders = [write(tmp_path / "a", [record]), write(tmp_path / "b", [_later(record, **{column: FACTS[column]})])]

    with pytest.raises(UsageError) as caught:
        merge(folders[::-1] if reverse else folders, tmp_path / "c")

    assert f"Expected one {column} of cell {record.row.cell_id}, got " in str(caught.value)
    for value in (getattr(record.row, column), FACTS[column]):
        assert str(value) in str(caught.value)
    assert not (tmp_path / "c").exists()


def test_a_cell_that_is_computed_again_elsewhere_is_merged(tmp_path: Path) -> None:
    record = cell(*RIDGE, 20.0, epsilon=1.0, attack_version=8, wire_bytes=4096.0, bound_psnr_db=40.0)
    again = _later(
        record,
        **{"client_ms": 7.0, "attack_seconds": 3.0, "device": "cuda", "torch_version": "9", "code_version": "9"},
        **{"wire_bytes": 4100.0, "epsilon": 1.0 + 1e-7, "bound_psnr_db": 40.00001, "attack_version": None},
    )
    folders = [write(tmp_path / name, [each]) for name, each in (("a", record), ("b", again))]

    assert merge(folders, tmp_path / "c").cells == 1


@pytest.mark.parametrize("path_of", [strip_path, images_path])
@pytest.mark.parametrize("whole", [False, True])
def test_a_link_out_of_a_folder_is_not_followed(path_of: Callable[..., Path], whole: bool, tmp_path: Path) -> None:
    record = cell(*RIDGE, 20.0)
    secret, stranger = write(tmp_path / "secret", [record]), write(tmp_path / "stranger", [record], pictured=False)
    image, link = path_of(secret, record.row.cell_id), path_of(stranger, record.row.cell_id)
    image.parent.mkdir(exist_ok=True)
    image.write_bytes(strip_path(secret, record.row.cell_id).read_bytes())
    if whole:
        link.parent.symlink_to(image.parent)
    else:
        link.parent.mkdir(exist_ok=True)
        link.symlink_to(image)

    with pytest.raises(UsageError, match=f"Cannot read the images {link}. It is a link out of its folder."):
        merge([stranger], tmp_path / "both")

    assert not path_of(tmp_path / "both", record.row.cell_id).exists()
    if path_of is strip_path:
        with pytest.raises(UsageError, match="It is a link out of its folder"):
            write_submission(stranger, tmp_path / "submission.zip")
        with pytest.raises(UsageError, match="It is a link out of its folder"):
            open_strip(link)


def test_a_strip_that_cannot_be_shown_is_not_merged(tmp_path: Path) -> None:
    record = cell(*RIDGE, 20.0)
    folder = write(tmp_path / "results", [record])
    strip_path(folder, record.row.cell_id).write_bytes(b"secret")

    with pytest.raises(UsageError, match=r"It is not a PNG\. Delete it to merge without it\."):
        merge([folder], tmp_path / "both")


def test_a_folder_that_is_a_link_and_links_within_it_are_followed(tmp_path: Path) -> None:
    record = cell(*RIDGE, 20.0)
    folder = write(tmp_path / "results", [record])
    strip = strip_path(folder, record.row.cell_id)
    moved = strip.rename(folder / "moved.png")
    strip.symlink_to(moved)
    (tmp_path / "link").symlink_to(folder)

    merge([tmp_path / "link"], tmp_path / "both")

    copy = strip_path(tmp_path / "both", record.row.cell_id)
    assert not copy.is_symlink()
    assert copy.read_bytes() == moved.read_bytes()


def test_a_folder_without_records_is_refused(tmp_path: Path) -> None:
    full = write(tmp_path / "a", [cell(*RIDGE, 20.0, seed=0)])

    with pytest.raises(UsageError, match=r"Expected a results folder with records, got .*nowhere"):
        merge([full, tmp_path / "nowhere"], tmp_path / "c")

    assert not record_files(tmp_path / "c")


def _later(record: Record, **facts: Any) -> Record:
    """The same cell with other facts, computed later."""
    return record.model_copy(update={"row": record.row.model_copy(update={"finished_at": "later", **facts})})


def _better(record: Record) -> Record:
    """The same cell with scores that are 5 dB higher."""
    images = record.per_image.model_copy(update={"psnr_db": [each + 5 for each in record.per_image.psnr_db]})
    shifted = {name: getattr(record.row, name) + 5 for name in ("psnr_db", "psnr_db_low", "psnr_db_high")}
    return record.model_copy(update={"per_image": images, "row": record.row.model_copy(update=shifted)})
