"""The rating page: blind, balanced over defenses, with mean images among the reconstructions."""

import json
import re
from base64 import b64decode
from collections import Counter
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mia_bench.benchmark.errors import UsageError
from mia_bench.benchmark.leaderboard.ratings import Recognition, read_key, store_recognition
from mia_bench.benchmark.leaderboard.store import read_records
from mia_bench.benchmark.report.image_gallery import open_strip
from mia_bench.benchmark.report.rating_page import choose_trials, rating_page
from PIL import Image

from ...helpers.boards import cell, cells, write
from ...helpers.commands import mia_bench
from .test_page import Elements


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("rated") / "results", cells())


def data_of(page: Path) -> dict[str, Any]:
    return json.loads(Elements(page.read_text(encoding="utf-8")).scripts["application/json"])


def test_every_defense_is_asked_equally_often_and_one_trial_in_five_shows_a_mean_image(results: Path) -> None:
    records = read_records(results)

    trials = choose_trials(records, results, 50, seed=0)

    rows = [records[trial.cell_id].row for trial in trials]
    assert Counter(row.attack == "mean_image" for row in rows) == {False: 40, True: 10}
    asked = Counter((row.defense, row.defense_params) for row in rows if row.attack != "mean_image")
    assert len(asked) == 6
    assert max(asked.values()) - min(asked.values()) <= 3
    best = {(row.defense, row.defense_params): row.psnr_db for row in rows if row.attack != "mean_image"}
    assert best["undefended", "{}"] == 31.0


def test_the_original_is_among_the_candidates_once_and_at_no_preferred_place(results: Path) -> None:
    trials = choose_trials(read_records(results), results, 300, seed=0)

    assert all(trial.candidates.count(trial.image) == 1 for trial in trials)
    places = Counter(trial.right for trial in trials)
    assert set(places) == {1, 2, 3, 4, 5, 6}
    assert min(places.values()) > 25  # 50 on average, standard deviation 6.5


def test_the_page_shows_the_images_of_the_strip_and_neither_answers_nor_attacks(results: Path, tmp_path: Path) -> None:
    page = tmp_path / "rating.html"

    result = mia_bench("rate", results, "-o", page, "--trials", "8", "--seed", "1")

    assert result.exit_code == 0, result.stderr
    data, text = data_of(page), page.read_text(encoding="utf-8")
    assert set(data) == {"study", "trials", "images"}
    assert all(set(trial) == {"shown", "candidates"} for trial in data["trials"])
    assert not re.search("white_box|ridge|sealed|cell_id", text)
    (trial, *_), question = read_key(results).studies[data["study"]], data["trials"][0]
    originals, reconstructions = open_strip(results / "pictures" / f"{trial.cell_id}.png")
    width = originals.width // 6
    frame = (trial.image * width + 2, 2, (trial.image + 1) * width - 2, originals.height - 2)
    assert np.array_equal(image_of(data, question["shown"]), np.asarray(reconstructions.crop(frame)))
    assert np.array_equal(image_of(data, question["candidates"][trial.right - 1]), np.asarray(originals.crop(frame)))


def image_of(data: dict[str, Any], index: int) -> np.ndarray:
    return np.asarray(Image.open(BytesIO(b64decode(data["images"][index]))))


def test_right_answers_of_a_rater_reach_rank_and_report(tmp_path: Path) -> None:
    results = write(tmp_path / "results", cells())
    mia_bench("rate", results, "-o", tmp_path / "rating.html", "--trials", "10", "--seed", "1")
    ((study, trials),) = read_key(results).studies.items()
    lines = [f'"{study}","ann","{number}","{trial.right}","1.0"' for number, trial in enumerate(trials, 1)]
    answers = tmp_path / "ann.csv"
    answers.write_text("\r\n".join(['"study","rater","trial","choice","seconds"', *lines]))

    joined = mia_bench("rate", results, "--ratings", answers)

    assert joined.exit_code == 0, joined.stderr
    assert "Wrote the shares into the records of" in joined.stdout
    ranked = mia_bench("rank", results, "--columns", "defense,recognized_by_people", "--format", "csv").stdout
    assert "undefended,1.0" in ranked
    assert mia_bench("report", results, "-o", tmp_path / "report.html").exit_code == 0
    settings = data_of(tmp_path / "report.html")["scenarios"][0]["settings"]
    assert {setting["more"].get("recognized_by_people") for setting in settings} >= {1.0}


def test_results_without_images_cannot_be_rated(tmp_path: Path) -> None:
    results = write(tmp_path / "results", cells(), pictured=False)

    with pytest.raises(UsageError, match="Expected image strips of at least two images"):
        choose_trials(read_records(results), results, 10, seed=0)


def test_a_strip_too_narrow_for_its_images_is_refused(tmp_path: Path) -> None:
    results = write(tmp_path / "results", cells())
    records = read_records(results)
    trials = choose_trials(records, results, 1, seed=0)
    Image.new("L", (6, 20)).save(results / "pictures" / f"{trials[0].cell_id}.png")

    with pytest.raises(UsageError, match=r"Expected 6 images in the strip .*, which is 6 pixels wide"):
        rating_page("study", trials, records, results)


@pytest.mark.parametrize("defenses", [5, 10])
def test_no_defense_is_left_out_of_the_questions(tmp_path: Path, defenses: int) -> None:
    made = [
        cell(f"noise{index}", "{}", attack, 20.0) for index in range(defenses) for attack in ("ridge", "mean_image")
    ]
    results = write(tmp_path / "results", made)
    records = read_records(results)

    rows = [records[trial.cell_id].row for trial in choose_trials(records, results, 60, seed=0)]

    asked = Counter(row.defense for row in rows if row.attack != "mean_image")
    assert len(asked) == defenses
    assert max(asked.values()) - min(asked.values()) <= 1


def test_what_people_recognize_in_the_mean_image_is_not_counted_as_a_leak(tmp_path: Path) -> None:
    results = write(tmp_path / "results", [cell("noise", "{}", attack, 20.0) for attack in ("ridge", "mean_image")])
    shares = {"ridge": 1, "mean_image": 9}
    rows = [record.row for record in read_records(results).values()]

    store_recognition(results, {row.cell_id: Recognition(shares[row.attack], 10) for row in rows})

    ranked = mia_bench("rank", results, "--columns", "defense,recognized_by_people", "--format", "csv").stdout
    assert "noise,0.1" in ranked
