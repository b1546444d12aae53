"""Boards, records, plans and suites from elsewhere: each is read rightly or refused in one sentence."""

import codecs
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from mia_bench.benchmark.leaderboard.store import read_rows, record_path

from ..benchmark.leaderboard.test_ranking import record
from .answers import answer, refusal
from .boards import Row, board, cells, changed, changed_record, results, scores

CASES = Path(__file__).parents[3] / "shared" / "cases"
LEFT = [11.0, 25.0]
"""The PSNR of both rows."""


def put(column: str, value: str) -> Callable[[list[Row]], object]:
    return lambda lines: lines[-1].update({column: value})


WRONG_VALUES = {
    "no score": (put("psnr_db", ""), "Expected a value of psnr_db"),
    "no accuracy": (put("accuracy", ""), "Expected a value of accuracy"),
    "no SSIM": (put("ssim", ""), "Expected a value of ssim"),
    "not a number": (put("psnr_db", "nan"), "psnr_db is 'nan'."),
    "infinite": (put("psnr_db", "inf"), "psnr_db is 'inf'."),
    "negative": (put("psnr_db", "-5"), "psnr_db is '-5'."),
    "a word": (put("psnr_db", "ten"), "psnr_db is 'ten'."),
    "decimal comma": (put("psnr_db", "25,0"), "psnr_db is '25,0'."),
    "accuracy of 7": (put("accuracy", "7"), "accuracy is '7'."),
    "SSIM of 2": (put("ssim", "2"), "ssim is '2'."),
    "share of 2": (put("recognisable", "2"), "recognisable is '2'."),
    "outside its interval": (
        put("psnr_db", "50"),
        "psnr_db_low 20.0 and psnr_db_high 30.0, got 50.0",
    ),
    "negative epsilon": (put("epsilon", "-1"), "epsilon is '-1'."),
    "no images": (put("n_images", "0"), "n_images is '0'."),
    "half a seed": (put("seed", "0.5"), "seed is '0.5'."),
    "too large a seed": (put("seed", str(2**63)), "seed is '9223372036854775808'."),
    "negative bytes": (put("wire_bytes", "-1"), "wire_bytes is '-1'."),
    "unknown status": (put("status", "perfect"), "status is 'perfect'."),
    "scores of a failed cell": (put("status", "failed"), "as the status is failed, got 25.0"),
    "parameters that are not JSON": (put("attack_params", "{"), "attack_params is '{'."),
    "parameters that are a list": (put("defense_params", "[]"), "Expected a JSON object."),
    "deep parameters": (put("defense_params", '{"a":' * 9999 + "1" + "}" * 9999), "less nested JSON"),
    "observations in words": (put("attack_params", '{"observations":"all"}'), "Expected a whole number of at least 1"),
    "a path as cell_id": (put("cell_id", "/etc/passwd"), "Expected 16 hexadecimal digits"),
    "a cell_id that climbs": (put("cell_id", "../../../secret"), "Expected 16 hexadecimal digits"),
    "a long word": (put("psnr_db", "9" * 100_000), "(100002 characters). Input should be"),
    "the same cell twice": (lambda lines: [*lines, lines[1] | {"ssim": "0.9"}], "Expected one ssim of cell"),
}


@pytest.mark.parametrize("name", WRONG_VALUES)
def test_a_wrong_value_is_named_with_its_column(name: str, tmp_path: Path) -> None:
    change, words = WRONG_VALUES[name]
    path = changed(board(tmp_path), change)

    for command in (["rank"], ["audit"], ["report", "-o", tmp_path / "page.html"]):
        assert words in refusal(*command, path)


def recoded(path: Path, encoding: str) -> None:
    path.write_bytes(path.read_text().encode(encoding))


def indexed(path: Path) -> None:
    pd.read_csv(path).to_csv(path)


READ = {
    "columns in another order": lambda path: changed(
        path, lambda lines: [dict(reversed(each.items())) for each in lines]
    ),
    "byte-order mark": lambda path: recoded(path, "utf-8-sig"),
    "semicolons": lambda path: changed(path, lambda lines: None, ";"),
    "tabs": lambda path: changed(path, lambda lines: None, "\t"),
    "carriage returns": lambda path: path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n")),
    "written by pandas with its index": indexed,
    "a column more": lambda path: changed(path, lambda lines: [each | {"note": "mine"} for each in lines]),
    "the same row twice": lambda path: changed(path, lambda lines: [*lines, lines[1]]),
    "blank lines": lambda path: path.write_text(path.read_text() + "\n\n"),
}


@pytest.mark.parametrize("name", READ)
def test_a_board_from_another_program_is_read(name: str, tmp_path: Path) -> None:
    path = board(tmp_path)
    before = answer("rank", path).stdout

    READ[name](path)

    assert answer("rank", path).stdout == before
    assert sorted({score or 0 for score in scores(path)}) == LEFT


def test_an_added_column_is_ignored_and_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    answer("rank", changed(board(tmp_path), lambda lines: [each | {"my\x1b[31mnote": "mine"} for each in lines]))

    assert "that a leaderboard does not have: ['my\\x1b[31mnote']." in caplog.text


def huge_line(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"x" * 20_000_000)


def folder_instead(path: Path) -> None:
    path.unlink()
    path.mkdir()


def pipe_instead(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def without(column: str) -> Callable[[list[Row]], object]:
    return lambda lines: [{name: value for name, value in each.items() if name != column} for each in lines]


NOT_BOARDS = {
    "missing": (lambda path: path.unlink(), "does not exist"),
    "empty": (lambda path: path.write_bytes(b""), "It is empty."),
    "blank": (lambda path: path.write_bytes(b"\n\n\n"), "It is empty."),
    "binary": (lambda path: path.write_bytes(bytes(range(1, 256))), "not encoded in UTF-8"),
    "zero bytes": (lambda path: path.write_bytes(path.read_bytes() + b"\0"), "holds zero bytes"),
    "Latin-1": (lambda path: path.write_bytes(path.read_bytes() + b"caf\xe9"), "not encoded in UTF-8"),
    "UTF-16": (lambda path: path.write_bytes(codecs.BOM_UTF16_LE + "a".encode("utf-16-le")), "in UTF-16"),
    "one line of 20 MB": (huge_line, "field larger than field limit"),
    "a folder": (folder_instead, "Expected results of mia-bench in"),
    "a pipe": (pipe_instead, "not a regular file"),
    "another table": (lambda path: path.write_text("a,b\n1,2\n"), "Missing columns: dataset, model, split and"),
    "no column of scores": (lambda path: changed(path, without("psnr_db")), "Missing columns: psnr_db"),
    "a misspelled column": (
        lambda path: path.write_text(path.read_text().replace("psnr_db,", "psnr_bd,", 1)),
        "Did you mean 'psnr_bd'?",
    ),
    "a column twice": (lambda path: path.write_text(path.read_text().replace("ssim_low", "ssim", 1)), "'ssim' twice"),
    "cut short": (lambda path: path.write_text(path.read_text()[:-200]), " values per line, got "),
    "an open quote": (lambda path: path.write_text(path.read_text() + '"'), "unexpected end of data"),
    "too many columns": (lambda path: path.write_text("," * 1_000_000), "Expected at most 1000 columns"),
    "no rows": (lambda path: path.write_text(path.read_text().partition("\n")[0]), "got no rows in"),
    "published figures": (lambda path: path.write_text("source,a\nb,c\n"), "Only `mia-bench compare` reads them"),
}


@pytest.mark.parametrize("name", NOT_BOARDS)
def test_what_is_not_a_board_is_refused_with_the_cause(name: str, tmp_path: Path) -> None:
    path = board(tmp_path)
    damage, words = NOT_BOARDS[name]
    damage(path)

    assert words in refusal("rank", path)
    assert str(path) in refusal("compare", path, path)


@pytest.mark.parametrize(
    ("name", "word"), [("nopsnr", "a value of psnr_db"), ("nan", "psnr_db is 'nan'."), ("colorder", "")]
)
def test_the_reported_boards_are_answered(name: str, word: str) -> None:
    path = CASES / f"{name}.csv"
    if not path.exists():
        pytest.skip("../shared/cases is not there")

    if word:
        assert word in refusal("rank", path)
    else:
        assert "dp_ir" in answer("rank", path).stdout


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

    for command in ("status", "rank"):
        if command == "status":
            assert "plan.json is not a valid plan" in refusal(command, out)


SUITES = {
    "nested": ("a = " + "[" * 10_000, "nested too deeply"),
    "binary": ("\x00\x01", "zero bytes"),
    "cut short": ("images = ", "not TOML"),
    "twice": ("images = 1\nimages = 2", "not TOML"),
    "a huge seed": (f"seeds = [{2**63}]", "seeds.0=9223372036854775808"),
    "no images": ("images = 0", "images=0: input should be greater than or equal to 1"),
    "truth for a number": ("images = true", "images=True"),
    "an escape": ('"\\u001b[2J" = 1', "\\x1b[2J=1"),
    "a huge text": (f"images = '{'x' * 100_000}'", "(100002 characters)"),
}


@pytest.mark.parametrize("name", SUITES)
def test_a_suite_that_cannot_be_is_one_sentence(name: str, tmp_path: Path) -> None:
    text, words = SUITES[name]
    path = tmp_path / "mine.toml"
    path.write_text(text)

    assert words in refusal("run", path, "--dry-run")


def test_a_suite_with_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text("splitt = 1", encoding="utf-8-sig")

    assert "splitt=1" in refusal("run", path, "--dry-run")


@pytest.mark.parametrize("words", [["--seed", str(2**63)], ["--images", str(2**63)], ["--images", "0"]])
def test_numbers_that_no_table_can_hold_are_refused_before_anything_is_computed(
    words: list[str], tmp_path: Path
) -> None:
    sentence = refusal("run", "--out", tmp_path / "out", "--dry-run", *words)

    assert f"{words[0]} is {words[1]}; it must be at least" in sentence
    assert not (tmp_path / "out").exists()


def test_one_cell_with_different_scores_in_two_boards_is_refused_and_both_places_are_named(tmp_path: Path) -> None:
    one, other = results(tmp_path / "one"), board(tmp_path)
    changed(other, lambda lines: lines[-1].update(psnr_db="27.5"))

    sentence = refusal("rank", one, other)

    assert "Expected one psnr_db of cell" in sentence
    assert f"27.5 in {other}, line 3" in sentence
    assert f"{cells()[0].row.cell_id}.json" in sentence
    assert answer("rank", one, one / "leaderboard.csv", one).exit_code == 0


def test_a_cell_that_failed_elsewhere_counts_as_done_in_either_order(tmp_path: Path) -> None:
    failed = record("dropout", "ridge", [0.0] * 2, [0.0] * 2, status="failed", reason="no memory", finished_at="then")
    one, other = results(tmp_path / "one"), results(tmp_path / "other", failed)

    assert answer("rank", one, other).stdout == answer("rank", other, one).stdout == answer("rank", one).stdout


@pytest.mark.parametrize(("column", "value"), [("psnr_db", "29.9"), ("defense", "mine"), ("accuracy", "1.0")])
def test_a_board_that_was_edited_beside_its_records_is_refused(column: str, value: str, tmp_path: Path) -> None:
    path = changed(results(tmp_path / "results") / "leaderboard.csv", put(column, value))

    for command in ("rank", "audit"):
        sentence = refusal(command, path)
        assert f"Expected {column} " in sentence
        assert "to use the records" in sentence


HOSTILE = "\x1b]0;owned\x07 \x1b[2J\u202e|forged|\r\nline"


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

    assert len(row.reason) == 1000
    assert row.reason.endswith("... (4999999 characters)")
    assert record_path(out, row.cell_id).stat().st_size < 5000
    assert len(answer("status", out).stdout.splitlines()) == 2


def png(width: int, height: int) -> bytes:
    header = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + width.to_bytes(4) + height.to_bytes(4)
    return header + b"\x08\x02\0\0\0" + b"\0" * 20_000


STRIPS: dict[str, tuple[Callable[[Path], Any], str]] = {
    "a bomb": (lambda path: path.write_bytes(png(13_000, 13_000)), "pixels, got 13000x13000"),
    "damaged": (lambda path: path.write_bytes(png(10, 10)), "Cannot read the image"),
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


def test_a_plan_is_json_of_labels(tmp_path: Path) -> None:
    out = results(tmp_path / "results")
    (out / "plan.json").write_text(json.dumps({"0" * 16: HOSTILE}))

    assert "missing" in answer("status", out).stdout
