"""Records, plans and strips from elsewhere: each is read rightly or refused in one sentence."""

import errno
import json
import os
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mia_bench.benchmark.leaderboard.results_folder import plan_path, record_path, strip_path

from .answers import answer, refusal
from .boards import HOSTILE, cells, changed_record, folder_instead, pipe_instead, results

RECORDS = {
    "other scores than the row": (
        lambda c: c["row"].update(psnr_db=28.0),
        "the mean over its images, got 28.0",
    ),
    "too few values": (
        lambda c: c["per_image"].update(psnr_db=[25.0]),
        "2 values of per_image.psnr_db, got 1",
    ),
    "unequal lengths": (lambda c: c["per_image"].update(ssim=[0.6] * 3), "Expected 2 values of per_image.ssim, got 3"),
    "no values": (lambda c: c.pop("per_image"), "Expected 2 values of per_image.psnr_db, got 0"),
    "no number among the values": (lambda c: c["per_image"].update(psnr_db=[float("nan")] * 2), "per_image.psnr_db.0"),
    "a value out of range": (lambda c: c["per_image"].update(ssim=[-3.0, 4.2]), "per_image.ssim.0 is -3.0."),
    "another share": (lambda c: c["row"].update(recognisable=0.5), "the mean over its images, got 0.5"),
    "a utility without a metric": (
        lambda c: c["row"].update(utility=1.0, utility_metric=None),
        "Expected utility_metric accuracy as the task is classification, got None.",
    ),
    "a utility that is not the accuracy": (lambda c: c["row"].update(utility=1.0), "the utility, got 0.9."),
    "the metric of another task": (
        lambda c: c["row"].update(utility=1.0, utility_metric="r2", task="regression"),
        "Expected no value of accuracy as the task is regression, got 0.9.",
    ),
    "a utility without a task": (
        lambda c: c["row"].update(utility=1.0, utility_metric=None, task=None, accuracy=None),
        "Expected a task as there is a value of utility, got None.",
    ),
    "text for a number": (lambda c: c["row"].update(accuracy="0.9"), "row.accuracy is '0.9'."),
    "truth for a number": (lambda c: c["row"].update(accuracy=True), "row.accuracy is True."),
    "a huge seed": (lambda c: c["row"].update(seed=2**63), "row.seed is 9223372036854775808."),
    "a number of 400 digits": (lambda c: c["row"].update(n_images=10**400), "(401 characters). Input should be"),
    "a list for a name": (lambda c: c["row"].update(dataset=["d"]), "row.dataset is ['d']."),
    "a list for the row": (lambda c: c.update(row=[]), "Expected an object with a row."),
    "a word more": (lambda c: c.update(more=1), "Column more is 1."),
    "another schema": (lambda c: c.update(schema_version="\x1b[2J"), "got schema '\\x1b[2J'"),
    "infinite details": (lambda c: c.update(details={"a": float("inf")}), "details.a is inf."),
}


@pytest.mark.parametrize("name", RECORDS)
def test_a_record_that_contradicts_itself_is_named_with_the_cause(name: str, tmp_path: Path) -> None:
    out = results(tmp_path / "results")
    change, words = RECORDS[name]
    path = changed_record(out, change)

    for command in ("rank", "status"):
        sentence = refusal(command, out)
        assert words in sentence
        assert path.name in sentence


FILES = {
    "empty": lambda path: path.write_bytes(b""),
    "nested": lambda path: path.write_text('{"row":' * 100_000),
    "nested lists": lambda path: path.write_text("[" * 100_000),
    "1e999": lambda path: path.write_text(path.read_text().replace("25.0", "1e999")),
    "a list": lambda path: path.write_text("[]"),
    "binary": lambda path: path.write_bytes(bytes(range(256))),
    "half a character": lambda path: path.write_text(path.read_text().replace('"dropout"', '"\\ud800"')),
    "5,000 digits": lambda path: path.write_text(path.read_text().replace("25.0", "9" * 5000)),
    "a pipe": pipe_instead,
    "a folder": folder_instead,
}


@pytest.mark.parametrize("name", FILES)
def test_a_damaged_file_of_a_record_is_named(name: str, tmp_path: Path) -> None:
    out = results(tmp_path / "results")
    path = record_path(out, cells()[0].row.cell_id)
    FILES[name](path)

    for words in (("rank", out), ("status", out), ("rank", out / "leaderboard.csv")):
        assert f"{path.name} is not a valid record" in refusal(*words)


def no_entry(path: Path, **_: object) -> bytes:
    raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


def test_nobody_is_told_to_delete_a_file_that_only_another_user_may_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = results(tmp_path / "results")
    cell_id = cells()[0].row.cell_id
    plan, image = plan_path(out), strip_path(out, cell_id)
    plan.write_text(json.dumps({cell_id: "label"}))
    image.parent.mkdir(exist_ok=True)
    image.write_bytes(b"an image")
    read = Path.read_bytes

    for path, command in (
        (record_path(out, cell_id), ("rank", out)),
        (plan, ("status", out)),
        (image, ("report", out, "-o", tmp_path / "report.html")),
        (image, ("merge", out, "-o", tmp_path / "both")),
    ):
        monkeypatch.setattr(Path, "read_bytes", lambda given, path=path: (no_entry if given == path else read)(given))
        sentence = refusal(*command)
        assert sentence.startswith("Error: Cannot read ")
        assert f"{path}. Permission denied. Check the path and its permissions." in sentence


def test_stray_files_among_the_records_are_ignored(tmp_path: Path) -> None:
    out = results(tmp_path / "results")
    before = answer("rank", out).stdout
    cell_id = cells()[0].row.cell_id
    for name in (f"._{cell_id}.json", ".DS_Store", f"{cell_id}.json~", f"{cell_id} (1).json", "notes.json"):
        (out / "cells" / name).write_bytes(b"\0\1\2")

    assert answer("rank", out).stdout == before
    assert "2 done" in answer("status", out).stdout


PLANS = {
    "a list": "[]",
    "nested": "[" * 100_000,
    "a path": '{"../../x": "label"}',
    "a number for a label": '{"0123456789abcdef": 3}',
    "cut short": '{"0123456789abcdef": ',
}


@pytest.mark.parametrize("name", PLANS)
def test_a_damaged_plan_is_named(name: str, tmp_path: Path) -> None:
    out = results(tmp_path / "results")
    (out / "plan.json").write_text(PLANS[name])

    for command in (["status"], ["rank"], ["audit"], ["report", "-o", tmp_path / "page.html"]):
        assert "plan.json is not a valid plan" in refusal(*command, out)
        assert answer(*command, out).stdout == ""
    assert not (tmp_path / "page.html").exists()


def test_a_plan_is_json_of_labels(tmp_path: Path) -> None:
    out = results(tmp_path / "results")
    (out / "plan.json").write_text(json.dumps({"0" * 16: HOSTILE}))

    assert "missing" in answer("status", out).stdout


def png(width: int, height: int, *before: bytes) -> bytes:
    """A PNG that claims a size and holds two pixels, with further chunks in front of its header."""
    header = width.to_bytes(4) + height.to_bytes(4) + b"\x08\0\0\0\0"
    pixels = zlib.compress(bytes(2))
    return b"\x89PNG\r\n\x1a\n" + b"".join([*before, chunk(b"IHDR", header), chunk(b"IDAT", pixels), chunk(b"IEND")])


def chunk(kind: bytes, content: bytes = b"") -> bytes:
    return len(content).to_bytes(4) + kind + content + zlib.crc32(kind + content).to_bytes(4)


STRIPS: dict[str, tuple[Callable[[Path], Any], str]] = {
    "a bomb": (lambda path: path.write_bytes(png(13_000, 13_000)), "pixels, got 13,000 x 13,000"),
    "a bomb whose size stands later": (
        lambda path: path.write_bytes(png(13_000, 13_000, chunk(b"abCd", bytes(8)))),
        "pixels, got 13,000 x 13,000",
    ),
    "a bomb beyond Pillow's own limit": (
        lambda path: path.write_bytes(png(20_000, 20_000, chunk(b"abCd", bytes(8)))),
        "Expected at most 31,703,520 pixels, got more.",
    ),
    "one pixel": (lambda path: path.write_bytes(png(1, 1)), "Expected at least 5 x 15 pixels, got 1 x 1."),
    "six pixels": (lambda path: path.write_bytes(png(6, 6)), "Expected at least 5 x 15 pixels, got 6 x 6."),
    "damaged": (lambda path: path.write_bytes(png(100, 100)), "Cannot read the image"),
    "not a PNG": (lambda path: path.write_bytes(b"GIF89a" + bytes(100)), "It is not a PNG"),
    "empty": (lambda path: path.write_bytes(b""), "It is not a PNG"),
    "a pipe": (lambda path: os.mkfifo(path), "not a regular file"),
    "a folder": (lambda path: path.mkdir(), "It is a folder"),
}


@pytest.mark.parametrize("name", STRIPS)
def test_a_strip_that_is_none_is_refused_before_it_is_decoded(name: str, tmp_path: Path) -> None:
    out = results(tmp_path / "results")
    make, words = STRIPS[name]
    (out / "pictures").mkdir()
    make(out / "pictures" / f"{cells()[0].row.cell_id}.png")

    assert words in refusal("report", out, "-o", tmp_path / "page.html")
