"""Submissions: what is written is read, and every forgery is refused with its reason."""

import hashlib
import io
import json
import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from mia_bench.benchmark.errors import UsageError
from mia_bench.benchmark.leaderboard import submissions
from mia_bench.benchmark.leaderboard.csv_files import to_csv
from mia_bench.benchmark.leaderboard.records import Record
from mia_bench.benchmark.leaderboard.results_folder import plan_path, record_path, strip_path
from mia_bench.benchmark.leaderboard.store import to_frame
from mia_bench.benchmark.leaderboard.submissions import MANIFEST, read_submission, write_submission
from PIL import Image

from ...helpers.boards import cell, cells, write
from ...helpers.damage import damaged

Contents = dict[str, bytes]


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("results"), cells())


@pytest.fixture(scope="module")
def honest(results: Path) -> Contents:
    path = results.parent / "honest.zip"
    write_submission(results, path, title="Noise", code="https://example.org/code")
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


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
        unchecked.setattr(submissions, "each_once", list)
        write_submission(folder, tmp_path / "submission.zip")
    with pytest.raises(
        UsageError, match=r"submission\.zip is not a valid submission\. .* of different data or versions"
    ):
        read_submission(tmp_path / "submission.zip")


def test_a_damaged_image_is_named_before_anything_is_written(tmp_path: Path) -> None:
    record = cell("noise", "{}", "ridge", 20.0)
    folder = write(tmp_path / "results", [record])
    strip_path(folder, record.row.cell_id).write_bytes(b"x")

    with pytest.raises(UsageError, match=r"got a damaged file\. Delete it to submit without it\."):
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


def _first(contents: Contents, folder: str) -> str:
    return next(name for name in sorted(contents) if name.startswith(folder))


def _done(contents: Contents) -> str:
    """The first record of a finished cell."""
    found = (name for name in sorted(contents) if name.startswith("cells/"))
    return next(name for name in found if json.loads(contents[name])["row"]["status"] == "done")


def changed_score(contents: Contents) -> None:
    name = _done(contents)
    record = json.loads(contents[name])
    record["row"]["psnr_db"] -= 0.2
    contents[name] = json.dumps(record).encode()


def changed_score_beyond_its_interval(contents: Contents) -> None:
    name = _done(contents)
    record = json.loads(contents[name])
    record["row"]["psnr_db"] -= 5
    contents[name] = json.dumps(record).encode()


def changed_accuracy(contents: Contents) -> None:
    name = _done(contents)
    record = json.loads(contents[name])
    record["row"]["accuracy"] = 0.123
    contents[name] = json.dumps(record).encode()


def changed_row(contents: Contents) -> None:
    lines = contents["leaderboard.csv"].decode().split("\n")
    row = next(line for line in lines if ",31.0," in line)
    contents["leaderboard.csv"] = "\n".join(lines).replace(row, row.replace(",31.0,", ",30.9,")).encode()


def missing_record(contents: Contents) -> None:
    del contents[_first(contents, "cells/")]


def unlisted_record(contents: Contents) -> None:
    lines = contents["leaderboard.csv"].splitlines(keepends=True)
    contents["leaderboard.csv"] = b"".join(lines[:-1])


def hidden_cell(contents: Contents) -> None:
    contents["plan.json"] = json.dumps({**json.loads(contents["plan.json"]), "0" * 16: ""}).encode()


def no_plan(contents: Contents) -> None:
    del contents["plan.json"]


def renamed_record(contents: Contents) -> None:
    contents[f"cells/{'f' * 16}.json"] = contents.pop(_first(contents, "cells/"))


def foreign_path(contents: Contents) -> None:
    contents["../../evil.json"] = b"{}"


def absolute_path(contents: Contents) -> None:
    contents["/tmp/evil.json"] = b"{}"


def script(contents: Contents) -> None:
    contents["setup.py"] = b"raise SystemExit"


def _changed(contents: Contents, change: Callable[[Record], Record], attack: str = "ridge") -> None:
    """Change the first finished record of an attack, and the leaderboard with it."""
    records = {
        name: Record.model_validate_json(text) for name, text in sorted(contents.items()) if name.startswith("cells/")
    }
    name = next(key for key, each in records.items() if each.row.attack == attack and each.row.status == "done")
    records[name] = change(records[name])
    contents[name] = records[name].model_dump_json().encode()
    contents["leaderboard.csv"] = to_csv(to_frame(each.row for each in records.values())).encode()


def _with_row(record: Record, **columns: object) -> Record:
    return record.model_copy(update={"row": record.row.model_copy(update=columns)})


def _brighter(record: Record) -> Record:
    images = record.per_image.model_copy(update={"psnr_db": [value + 3 for value in record.per_image.psnr_db]})
    row = {name: getattr(record.row, name) + 3 for name in ("psnr_db", "psnr_db_low", "psnr_db_high")}
    return _with_row(record, **row).model_copy(update={"per_image": images})


def another_mean_image(contents: Contents) -> None:
    _changed(contents, _brighter, "mean_image")


def another_guarantee(contents: Contents) -> None:
    _changed(contents, lambda record: _with_row(record, guarantee="AES-256-GCM"))


def other_sources(contents: Contents) -> None:
    def of_one(record: Record) -> Record:
        sources = [0] * record.row.n_images
        return record.model_copy(update={"per_image": record.per_image.model_copy(update={"sources": sources})})

    _changed(contents, of_one)


def older_schema(contents: Contents) -> None:
    _changed(contents, lambda record: record.model_copy(update={"schema_version": 3}))


def changed_time(contents: Contents) -> None:
    board = contents["leaderboard.csv"]
    contents["leaderboard.csv"] = board.replace(b",0.5,0.1,", b",0.5,0.2,", 1).replace(b",now,", b",later,")


def changed_guarantee(contents: Contents) -> None:
    contents["leaderboard.csv"] = contents["leaderboard.csv"].replace(b",none,", b",AES,").replace(b",now,", b",later,")


def doubled_row(contents: Contents) -> None:
    contents["leaderboard.csv"] += contents["leaderboard.csv"].splitlines(keepends=True)[1]


def another_column(contents: Contents) -> None:
    header, *lines = contents["leaderboard.csv"].splitlines()
    contents["leaderboard.csv"] = b"\n".join([header + b",rank", *(line + b",1" for line in lines)])


def page_as_picture(contents: Contents) -> None:
    contents[_first(contents, "pictures/")] = b"<script>alert(1)</script>"


def huge_picture(contents: Contents) -> None:
    contents[_first(contents, "pictures/")] = _black(13_000)


def picture_beyond_what_pillow_reads(contents: Contents) -> None:
    contents[_first(contents, "pictures/")] = _black(20_000)


def _black(side: int) -> bytes:
    target = io.BytesIO()
    Image.new("1", (side, side)).save(target, format="PNG")
    return target.getvalue()


def bomb(contents: Contents) -> None:
    contents[_first(contents, "cells/")] = b" " * 2**24


def no_leaderboard(contents: Contents) -> None:
    del contents["leaderboard.csv"]


FORGERIES: dict[Callable[[Contents], None], str] = {
    changed_score: r"cells/[0-9a-f]{16}\.json is not a valid record. Expected row.psnr_db [0-9.]+, .*, got [0-9.]+\.$",
    changed_score_beyond_its_interval: r"valid record. Expected psnr_db between psnr_db_low .*, got [0-9.]+\.$",
    changed_row: "Expected psnr_db 31.0 as in the record",
    changed_accuracy: "Expected row.accuracy [0-9.]+, the utility, got 0.123",
    another_mean_image: "Expected equal psnr_db of mean_image, which does not depend on the defense, in cells ",
    another_guarantee: r"Expected one guarantee of .* in cells [0-9a-f]{16} and [0-9a-f]{16}, got different ones\. ",
    other_sources: "Expected equal sources of the same images in cells ",
    older_schema: "Expected records of schema 4, got schema 3 of cell ",
    changed_time: "Expected server_ms 0.1 as in the record cells/.*, got 0.2 in leaderboard.csv, line ",
    changed_guarantee: "Expected guarantee 'none' as in the record cells/.*, got 'AES' in leaderboard.csv, line ",
    doubled_row: r"Expected cell [0-9a-f]{16} once in .*, got it again in line 20\.",
    another_column: "Expected columns of a leaderboard in .*, got 'rank'",
    missing_record: "Expected a record of each planned cell in .*, but 1 of 18 is missing",
    unlisted_record: "Expected a row of the leaderboard for each record",
    hidden_cell: "but 1 of 19 is missing, such as 0000000000000000",
    no_plan: "Expected a plan.json",
    renamed_record: r"Expected the record of cell f{16}, got cell [0-9a-f]{16} in cells/f{16}\.json\.$",
    foreign_path: "Expected only records, strips and a leaderboard in .*evil.json",
    absolute_path: "Expected only records, strips and a leaderboard in .*evil.json",
    script: "Expected only records, strips and a leaderboard in .*setup.py",
    page_as_picture: "Expected a PNG image as 'pictures/",
    huge_picture: "Expected a strip of at most 31,703,520 pixels as 'pictures/.*, got 13,000 x 13,000.",
    picture_beyond_what_pillow_reads: "Expected a PNG image as 'pictures/.*, got an image that is too large.",
    bomb: "Expected files of a usual size in .*, which is too large",
    no_leaderboard: "leaderboard.csv",
}
"""Changes to an honest submission whose checksums were computed again, with the reason of the refusal."""


@pytest.mark.parametrize("forge", FORGERIES, ids=lambda forge: forge.__name__)
def test_a_forged_submission_is_refused_with_the_reason(
    honest: Contents, tmp_path: Path, forge: Callable[[Contents], None]
) -> None:
    contents = dict(honest)
    forge(contents)

    with pytest.raises(UsageError, match=FORGERIES[forge]):
        read_submission(_zip(tmp_path, contents, sums=True))

    assert [path.name for path in tmp_path.iterdir()] == ["forged.zip"]


def test_changed_files_do_not_have_the_stated_checksums(honest: Contents, tmp_path: Path) -> None:
    contents = dict(honest)
    changed_score(contents)

    with pytest.raises(UsageError, match=r"Expected the checksum that submission\.json states for 'cells/"):
        read_submission(_zip(tmp_path, contents, sums=False))


def test_an_edited_leaderboard_is_refused_without_advice_about_a_temporary_folder(
    honest: Contents, tmp_path: Path
) -> None:
    board = honest["leaderboard.csv"].decode().replace(",18.0,", ",18.1,", 1)
    assert board != honest["leaderboard.csv"].decode()

    with pytest.raises(UsageError) as caught:
        read_submission(_zip(tmp_path, {**honest, "leaderboard.csv": board.encode()}, sums=True))

    assert re.search(
        r"as in the record cells/[0-9a-f]{16}\.json, got .* in leaderboard\.csv, line \d+\.$", str(caught.value)
    )


def test_a_damaged_file_is_refused_unless_it_still_says_the_same(honest: Contents, tmp_path: Path) -> None:
    path = _zip(tmp_path, dict(honest), sums=True)
    whole, refused = read_submission(path), []

    for changed in damaged(path.read_bytes(), step=11):
        path.write_bytes(changed)
        try:
            assert read_submission(path) == whole
        except UsageError as error:
            refused.append(str(error))
    assert len(refused) > 100
    assert all("Expected" in reason for reason in refused)


def test_a_compression_that_submit_does_not_use_is_refused(honest: Contents, tmp_path: Path) -> None:
    path = tmp_path / "other.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("plan.json", honest["plan.json"])

    with pytest.raises(UsageError, match="Expected files that are stored or deflated"):
        read_submission(path)


@pytest.mark.parametrize("content", [b"", b"PK", b"not a zip file"])
def test_a_file_that_is_not_a_zip_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "submission.zip"
    path.write_bytes(content)

    with pytest.raises(UsageError, match="Expected a submission that `mia-bench submit` wrote"):
        read_submission(path)


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("protocol", 1, "Expected a submission of form 1 and protocol 2, got form 1 and protocol 1"),
        ("paper", "javascript:alert(1)", "The field paper is 'javascript"),
        ("files", {}, "Expected the checksum"),
        ("more", 1, "The field more is 1"),
    ],
)
def test_a_manifest_is_checked(honest: Contents, tmp_path: Path, field: str, value: object, reason: str) -> None:
    contents = dict(honest)
    contents[MANIFEST] = json.dumps({**json.loads(contents[MANIFEST]), field: value}).encode()

    with pytest.raises(UsageError, match=reason):
        read_submission(_zip(tmp_path, contents, sums=False))


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


def _zip(folder: Path, contents: Contents, *, sums: bool) -> Path:
    if sums:
        manifest = json.loads(contents[MANIFEST])
        manifest["files"] = {
            name: hashlib.sha256(content).hexdigest() for name, content in contents.items() if name != MANIFEST
        }
        contents[MANIFEST] = json.dumps(manifest).encode()
    path = folder / "forged.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in contents.items():
            archive.writestr(name, content)
    return path


@pytest.mark.parametrize(("title", "paper"), [("a" * 201, ""), ("caf\udce9", ""), ("", "http" * 200)])
def test_the_remedy_is_that_of_the_field_which_is_wrong(title: str, paper: str, results: Path, tmp_path: Path) -> None:
    wanted = "Give a title in UTF-8 of at most 200 char" if title else "Give another one, or leave it out."

    with pytest.raises(UsageError, match=wanted):
        write_submission(results, tmp_path / "submission.zip", title=title, paper=paper)


def test_a_file_that_cannot_be_written_is_named(results: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=f"Cannot write {tmp_path}: Is a directory"):
        write_submission(results, tmp_path)
