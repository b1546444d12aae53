"""The public leaderboard: every submission has its rows and its page, and nothing of a submission can run."""

import json
from pathlib import Path
from typing import Any

import pytest
from mia_bench.benchmark.errors import UsageError
from mia_bench.benchmark.leaderboard.submissions.writing import write_submission
from mia_bench.benchmark.leaderboard.verdicts import Outcome, Verdicts, checksum, write_verdicts
from mia_bench.benchmark.report.leaderboard_site import write_site

from ...helpers.boards import HOSTILE, cell, cells, write
from .test_page import Elements


@pytest.fixture(scope="module")
def leaderboard(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("leaderboard")
    results = write(folder / "results", cells())
    write_submission(results, folder / "noise.zip", title="Noise", paper="https://example.org/paper.pdf")
    write_submission(results, folder / "unnamed.zip", title=HOSTILE)
    return folder


@pytest.fixture
def verdicts(leaderboard: Path) -> Verdicts:
    submission = leaderboard / "noise.zip"
    return Verdicts(
        submission_sha256=checksum(submission),
        mia_bench="0.1.0",
        date="2026-11-26",
        outcomes={"0" * 16: "verified", "1" * 16: "differs"},
    )


def site_with(leaderboard: Path, out: Path, outcomes: dict[str, Outcome]) -> dict[str, Any]:
    """The entries of a site with outcomes of cells of ``noise.zip``."""
    path, sums = leaderboard / "noise.verdicts.json", checksum(leaderboard / "noise.zip")
    verdicts = Verdicts(submission_sha256=sums, mia_bench="0.1.0", date="2026-11-26", outcomes=outcomes)
    write_verdicts(verdicts, path)
    try:
        write_site(leaderboard, out)
    finally:
        path.unlink()
    return entries(out / "index.html")


def entries(page: Path) -> dict[str, Any]:
    data = json.loads(Elements(page.read_text(encoding="utf-8")).scripts["application/json"])
    return {entry["name"]: entry for entry in data["entries"]}


def test_each_submission_has_rows_a_page_its_board_and_itself(leaderboard: Path, tmp_path: Path) -> None:
    written = write_site(leaderboard, tmp_path)

    assert {path.relative_to(tmp_path).as_posix() for path in written} == {
        "index.html",
        *(f"noise/{name}" for name in ("index.html", "leaderboard.csv", "noise.zip")),
        *(f"unnamed/{name}" for name in ("index.html", "leaderboard.csv", "unnamed.zip")),
    }
    assert all(path.stat().st_size for path in written)
    shown = entries(tmp_path / "index.html")["noise"]
    assert shown["paper"] == "https://example.org/paper.pdf"
    assert {line["defense"] for line in shown["lines"]} >= {"undefended", "noise:sigma=0.1", "sealed"}
    assert shown["strips"][0][0] == "originals"
    assert shown["cells"] == sum(each.row.status == "done" for each in cells())


def test_what_a_submission_holds_is_text_on_the_page(leaderboard: Path, tmp_path: Path) -> None:
    write_site(leaderboard, tmp_path)

    for page in (tmp_path / "index.html", tmp_path / "unnamed" / "index.html"):
        text = page.read_text(encoding="utf-8")
        tags = [tag for tag, _ in Elements(text).tags]
        assert tags.count("script") == 2
        assert "default-src 'none'" in text
        assert HOSTILE not in text.replace("\\u003c", "")


SAMPLED: dict[tuple[str, str], list[Outcome]] = {
    ("noise", '{"sigma":0.1}'): ["verified", "verified"],
    ("noise", '{"sigma":1.0}'): ["within chance", "verified"],
    ("noise", '{"sigma":10.0}'): ["not re-run"],
    ("sealed", "{}"): [],
}
"""What came of the sampled cells of each defense."""


@pytest.mark.parametrize("differs", [False, True])
def test_what_was_sampled_is_told_of_each_defense(leaderboard: Path, tmp_path: Path, differs: bool) -> None:
    outcomes: dict[str, Outcome] = {}
    mean = next(each for each in cells() if (each.row.attack, each.row.defense) == ("mean_image", "sealed"))
    outcomes[mean.row.cell_id] = "verified"
    for defense, found in {**SAMPLED, **({("undefended", "{}"): ["differs"]} if differs else {})}.items():
        done = [
            each.row.cell_id
            for each in cells()
            if (each.row.defense, each.row.defense_params) == defense and each.row.status == "done"
        ]
        outcomes |= dict(zip(done, found, strict=False))

    shown = site_with(leaderboard, tmp_path, outcomes)

    lines = {line["defense"]: line for line in shown["noise"]["lines"]}
    assert {name: line["verification"] for name, line in lines.items() if name.startswith(("noise", "sealed"))} == {
        "noise:sigma=0.1": "2 of 2 sampled cells reproduced on 2026-11-26",
        "noise:sigma=1.0": "1 of 2 sampled cells reproduced on 2026-11-26, 1 within chance",
        "noise:sigma=10.0": "0 of 1 sampled cell reproduced on 2026-11-26, 1 not re-run",
        "sealed": "1 of 1 sampled cell reproduced on 2026-11-26",
    }
    assert [name for name, line in lines.items() if line["verified"]] == ([] if differs else ["noise:sigma=0.1"])
    whole = "4 of 7 sampled cells" if differs else "4 of 6 sampled cells"
    assert shown["noise"]["verification"].startswith(f"{whole} reproduced on 2026-11-26, 1 within chance, 1 ")
    assert lines["undefended"]["verification"] == (
        "0 of 1 sampled cell reproduced on 2026-11-26, 1 differs" if differs else "not sampled"
    )
    assert {line["verification"] for line in shown["unnamed"]["lines"]} == {"self-reported"}
    assert shown["unnamed"]["verification"] == "self-reported"


def test_a_defense_that_nobody_else_can_compute_is_not_shown_as_verified(tmp_path: Path) -> None:
    mine = {"plugin_version": "object==sha256:0123"}
    submitted = [cell("undefended", "{}", "ridge", 30.0), cell("mine", "{}", "ridge", 12.0, **mine)]
    write_submission(write(tmp_path / "results", submitted), tmp_path / "noise.zip")

    shown = site_with(tmp_path, tmp_path / "site", {submitted[0].row.cell_id: "verified"})

    lines = {line["defense"]: (line["verification"], line["verified"]) for line in shown["noise"]["lines"]}
    assert lines == {
        "undefended": ("1 of 1 sampled cell reproduced on 2026-11-26", True),
        "mine": ("cannot be verified", False),
    }


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"submission_sha256": "0" * 64}, "got those of another file"),
        ({"outcomes": {"0" * 16: "perfect"}}, "Expected verdicts that `mia-bench verify --verdicts` wrote"),
        ({"date": "today"}, "Expected verdicts that `mia-bench verify --verdicts` wrote"),
    ],
)
def test_verdicts_that_are_invalid_or_of_another_file_are_refused(
    leaderboard: Path, tmp_path: Path, verdicts: Verdicts, change: dict[str, Any], message: str
) -> None:
    path = leaderboard / "noise.verdicts.json"
    path.write_text(json.dumps({**verdicts.model_dump(), **change}))
    try:
        with pytest.raises(UsageError, match=message):
            write_site(leaderboard, tmp_path)
    finally:
        path.unlink()


def test_a_folder_without_submissions_gives_an_empty_leaderboard(tmp_path: Path) -> None:
    (page,) = write_site(tmp_path, tmp_path / "out")

    assert entries(page) == {}


@pytest.mark.parametrize("name", ["...zip", "index.html.zip", "Upper.zip"])
def test_a_name_that_is_not_a_plain_folder_is_refused(leaderboard: Path, tmp_path: Path, name: str) -> None:
    strange = tmp_path / "strange"
    strange.mkdir()
    (strange / name).write_bytes((leaderboard / "noise.zip").read_bytes())

    with pytest.raises(UsageError, match="Expected a file name of lower-case letters, digits and hyphens"):
        write_site(strange, tmp_path / "out")
