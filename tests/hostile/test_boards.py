"""Leaderboards from elsewhere: each is read rightly or refused in one sentence."""

import codecs
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from mia_bench.benchmark.leaderboard.records import NUMBERS
from mia_bench.benchmark.leaderboard.store import read_rows

from ..benchmark.leaderboard.test_ranking import record
from .answers import answer, refusal
from .boards import Row, board, cells, changed, folder_instead, pipe_instead, results, scores

CASES = Path(__file__).parents[3] / "shared" / "cases"

LEFT = [11.0, 25.0]
"""The PSNR of both rows."""


def put(column: str, value: str) -> Callable[[list[Row]], object]:
    return lambda lines: lines[-1].update({column: value})


WRONG_VALUES = {
    "no score": (put("psnr_db", ""), "Expected a value of psnr_db"),
    "no utility": (put("utility", ""), "Expected a value of utility"),
    "no accuracy": (put("accuracy", ""), "Expected a value of accuracy as the task is classification"),
    "no SSIM": (put("ssim", ""), "Expected a value of ssim"),
    "not a number": (put("psnr_db", "nan"), "psnr_db is 'nan'."),
    "infinite": (put("psnr_db", "inf"), "psnr_db is 'inf'."),
    "negative": (put("psnr_db", "-5"), "psnr_db is '-5'."),
    "a word": (put("psnr_db", "ten"), "psnr_db is 'ten'."),
    "decimal comma": (put("psnr_db", "25,0"), "psnr_db is '25,0'. Expected a number with a decimal point, got a comma"),
    "accuracy of 7": (put("accuracy", "7"), "accuracy is '7'."),
    "SSIM of 2": (put("ssim", "2"), "ssim is '2'."),
    "share of 2": (put("recognisable", "2"), "recognisable is '2'."),
    "outside its interval": (
        put("psnr_db", "50"),
        "psnr_db_low 20.0 and psnr_db_high 30.0, got 50.0",
    ),
    "more than all of an image": (put("leak_r2", "7.5"), "leak_r2 is '7.5'."),
    "an interval beyond any PSNR": (put("psnr_db_high", "400"), "psnr_db_high is '400'."),
    "an interval beyond any SSIM": (put("ssim_low", "-3"), "ssim_low is '-3'."),
    "a gain of 2": (put("attribute_gain", "2"), "attribute_gain is '2'."),
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
    "observations in words": (put("attack_params", '{"observations":"all"}'), "Expected a whole number from 1 to"),
    "observations beyond int64": (
        put("attack_params", f'{{"observations":{2**63}}}'),
        "Expected a whole number from 1 to",
    ),
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


def saved_by_excel(path: Path) -> None:
    changed(path, lambda lines: None, ";")
    path.write_text("sep=;\n" + path.read_text())


def saved_with_decimal_commas(path: Path) -> None:
    def commas(lines: list[Row]) -> None:
        for line in lines:
            line.update({name: text.replace(".", ",") for name, text in line.items() if name in NUMBERS})

    changed(path, commas, ";")


def indexed(path: Path) -> None:
    pd.read_csv(path).to_csv(path)


READ = {
    "columns in another order": lambda path: changed(
        path, lambda lines: [dict(reversed(each.items())) for each in lines]
    ),
    "byte-order mark": lambda path: recoded(path, "utf-8-sig"),
    "semicolons": lambda path: changed(path, lambda lines: None, ";"),
    "semicolons below a line that states them": saved_by_excel,
    "semicolons and decimal commas": saved_with_decimal_commas,
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


def test_a_decimal_comma_beside_decimal_points_is_refused(tmp_path: Path) -> None:
    path = changed(board(tmp_path), put("psnr_db", "25,0"), ";")

    assert "Expected a number with a decimal point, got a comma" in refusal("rank", path)


def test_names_of_columns_in_capitals_are_refused_with_the_reason(tmp_path: Path) -> None:
    path = board(tmp_path)
    header, _, rest = path.read_text().partition("\n")
    path.write_text(f"{header.upper()}\n{rest}")

    assert "Expected names of columns in lower case, such as dataset, got 'DATASET'. Write them so." in refusal(
        "rank", path
    )


def test_an_added_column_is_ignored_and_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    answer("rank", changed(board(tmp_path), lambda lines: [each | {"my\x1b[31mnote": "mine"} for each in lines]))

    assert "that a leaderboard does not have: ['my\\x1b[31mnote']." in caplog.text


def huge_line(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"x" * 20_000_000)


def without(column: str) -> Callable[[list[Row]], object]:
    return lambda lines: [{name: value for name, value in each.items() if name != column} for each in lines]


def test_empty_lines_and_columns_that_a_spreadsheet_leaves_are_left_out(tmp_path: Path) -> None:
    path = board(tmp_path)
    first, *lines = path.read_text().splitlines()
    rows = read_rows(path)

    path.write_text("\n".join([f"{first},,", f",,{',' * first.count(',')}", *(f"{line},," for line in lines)]))

    assert read_rows(path) == rows


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
