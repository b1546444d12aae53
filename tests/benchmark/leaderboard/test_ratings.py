"""Ratings by people: right choices are counted by cell, and what does not belong together is refused."""

import json
from pathlib import Path

import pytest
from mia_bench.benchmark.errors import UsageError
from mia_bench.benchmark.leaderboard.ratings import (
    RatingKey,
    Recognition,
    Trial,
    add_study,
    read_key,
    score_ratings,
    store_recognition,
)
from mia_bench.benchmark.leaderboard.store import read_records

from ...helpers.boards import cells, write

CELL, OTHER = "0" * 16, "1" * 16
KEY = RatingKey(
    studies={
        "abc": [
            Trial(cell_id=CELL, image=3, candidates=[5, 3, 1]),
            Trial(cell_id=CELL, image=0, candidates=[0, 1, 2]),
            Trial(cell_id=OTHER, image=2, candidates=[1, 2]),
        ]
    }
)


def ratings(folder: Path, *lines: str, name: str = "ratings.csv") -> Path:
    path = folder / name
    path.write_text("\n".join(["study,rater,trial,choice,seconds", *lines]))
    return path


def test_right_choices_are_counted_by_cell_over_all_raters(tmp_path: Path) -> None:
    ann = ratings(tmp_path, "abc,ann,1,2,1.5", "abc,ann,2,1,1.0", "abc,ann,3,0,9.9", name="ann.csv")
    bob = ratings(tmp_path, "abc,bob,1,2,1.0", "abc,bob,2,3,1.0", name="bob.csv")

    found = score_ratings([ann, bob], KEY)

    assert found == {CELL: Recognition(right=3, ratings=4), OTHER: Recognition(right=0, ratings=1)}
    assert found[CELL].share == 0.75


def test_the_interval_is_that_of_wilson() -> None:
    low, high = Recognition(right=8, ratings=10).interval

    # (p + z^2/2n -+ z sqrt(p(1-p)/n + z^2/4n^2)) / (1 + z^2/n) with p = 0.8, n = 10, z = 1.959964
    assert low == pytest.approx(0.490162, abs=1e-6)
    assert high == pytest.approx(0.943318, abs=1e-6)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("xyz,ann,1,2,1.0", "Expected ratings of a page of this results folder, got study 'xyz'"),
        ("abc,ann,4,2,1.0", "Expected a whole number from 1 to 3 as trial, got '4'"),
        ("abc,ann,0,2,1.0", "Expected a whole number from 1 to 3 as trial, got '0'"),
        ("abc,ann,3,3,1.0", "Expected a whole number from 0 to 2 as choice, got '3'"),
        ("abc,ann,1,-1,1.0", "as choice, got '-1'"),
        ("abc,ann,1,,1.0", "as choice, got ''"),
        ("abc,ann,1,2,nan", "Expected a number from 0 as seconds, got 'nan'"),
        ("abc,ann,1,2,-5", "as seconds, got '-5'"),
        ("abc,ann,1,2,inf", "as seconds, got 'inf'"),
        ("abc,ann,1,2,soon", "as seconds, got 'soon'"),
    ],
)
def test_ratings_that_answer_no_question_are_refused(tmp_path: Path, line: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        score_ratings([ratings(tmp_path, line)], KEY)


def test_one_rater_counts_once_for_each_trial(tmp_path: Path) -> None:
    path = ratings(tmp_path, "abc,ann,1,2,1.0")

    with pytest.raises(UsageError, match="Expected each trial once for each rater, got trial 1 of 'ann'"):
        score_ratings([path, path], KEY)


def test_shares_are_kept_in_the_records_and_scores_stay(tmp_path: Path) -> None:
    out = write(tmp_path / "results", cells(), pictured=False)
    before = read_records(out)
    chosen = next(cell_id for cell_id, record in before.items() if record.row.status == "done")

    store_recognition(out, {chosen: Recognition(right=9, ratings=12)})

    after = read_records(out)
    assert after[chosen].details["recognized_by_people"] == 0.75
    assert after[chosen].details["ratings"] == 12
    assert after[chosen].row == before[chosen].row
    assert {key: value for key, value in after.items() if key != chosen} == {
        key: value for key, value in before.items() if key != chosen
    }


def test_ratings_that_replace_others_are_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    out = write(tmp_path / "results", cells(), pictured=False)
    first, second, *_ = (cell_id for cell_id, record in read_records(out).items() if record.row.status == "done")

    store_recognition(out, {first: Recognition(3, 4), second: Recognition(1, 2)})
    store_recognition(out, {first: Recognition(3, 4), second: Recognition(1, 2)})
    assert caplog.messages == []
    store_recognition(out, {first: Recognition(5, 6), second: Recognition(1, 2)})

    assert caplog.messages == [
        "Replaced 4 earlier ratings. Name the files of all raters in one command to count them together."
    ]


def test_a_rated_cell_without_a_record_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="Expected a record of each rated cell"):
        store_recognition(write(tmp_path / "results", cells(), pictured=False), {"f" * 16: Recognition(1, 2)})


def test_a_second_page_keeps_the_answers_to_the_first(tmp_path: Path) -> None:
    add_study(tmp_path, "one", KEY.studies["abc"])
    add_study(tmp_path, "two", KEY.studies["abc"][:1])

    assert read_key(tmp_path).studies == {"one": KEY.studies["abc"], "two": KEY.studies["abc"][:1]}


def test_a_key_without_the_original_among_the_candidates_is_refused(tmp_path: Path) -> None:
    trial = {"cell_id": "0" * 16, "image": 3, "candidates": [1, 2]}
    (tmp_path / "rating_key.json").write_text(json.dumps({"studies": {"one": [trial]}}))

    with pytest.raises(UsageError, match=r"Expected the image 3 among the candidates, got \[1, 2\]"):
        read_key(tmp_path)


def test_a_damaged_key_is_refused_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "rating_key.json").write_text('{"studies": 1}')

    with pytest.raises(UsageError, match="is not a valid key of ratings"):
        read_key(tmp_path)
