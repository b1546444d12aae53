"""The page as a file: it holds everything, and nothing of the data can run."""

import base64
import json
import re
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import torch
from mia_bench.benchmark.evaluation.strips import strip
from mia_bench.benchmark.leaderboard.loading import load_boards
from mia_bench.benchmark.report.content import content
from mia_bench.benchmark.report.image_gallery import collect_strips, open_strip
from mia_bench.benchmark.report.page import embed
from PIL import Image

from ...helpers.boards import HOSTILE, REASON, cells, write
from ...helpers.commands import mia_bench


class Elements(HTMLParser):
    """Start tags with their attributes, and the text of scripts by type."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: dict[str | None, str] = {}
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        tag, attributes = self.tags[-1] if self.tags else ("", {})
        if tag == "script":
            self.scripts.setdefault(attributes.get("type"), data)


def write_page(folder: Path, *words: str | Path) -> str:
    page = folder.parent / "page.html"
    result = mia_bench("report", folder, "-o", page, *words)
    assert result.exit_code == 0, result.stderr
    assert result.stdout.splitlines()[0] == f"Wrote {page}"
    return page.read_text(encoding="utf-8")


@pytest.fixture
def board(tmp_path: Path) -> Path:
    return write(tmp_path / "results", cells())


def embedded(page: str) -> dict[str, Any]:
    return json.loads(Elements(page).scripts["application/json"])


def test_hostile_names_and_reasons_stay_data(board: Path) -> None:
    page = write_page(board, "--title", "</title><script>alert(3)</script>")

    elements = Elements(page)
    assert [tag for tag, _ in elements.tags].count("script") == 2
    assert page.count("</script") == 2
    assert not {"img", "b"} & {tag for tag, _ in elements.tags}
    (scenario,) = embedded(page)["scenarios"]
    (setting,) = [each for each in scenario["settings"] if each["name"] == HOSTILE]
    assert REASON in [each["reason"] for each in setting["cells"]]


def test_the_page_asks_the_network_for_nothing(board: Path) -> None:
    page = write_page(board)

    loading = [
        (tag, name, value)
        for tag, attributes in Elements(page).tags
        for name, value in attributes.items()
        if name in ("src", "href", "srcset", "action", "data", "poster")
    ]
    assert loading == [("link", "href", "data:,"), ("a", "href", "#leaderboard")]
    without_namespace = page.replace('"http://www.w3.org/2000/svg"', "")
    assert not re.search(r"https?://|@import|url\(|fetch\(|XMLHttpRequest|innerHTML|eval\(", without_namespace)


def test_the_policy_of_the_page_allows_its_own_script_only(board: Path) -> None:
    (policy,) = [
        attributes["content"]
        for tag, attributes in Elements(write_page(board)).tags
        if tag == "meta" and attributes.get("http-equiv") == "Content-Security-Policy"
    ]

    assert policy is not None
    assert policy.startswith("default-src 'none'; img-src data:;")
    assert "unsafe" not in policy
    assert re.search(r"script-src 'sha256-[A-Za-z0-9+/=]+';", policy)


def test_strips_are_halved_and_each_is_kept_once(board: Path) -> None:
    found = embedded(write_page(board))["gallery"]

    shown = {index: Image.open(BytesIO(base64.b64decode(strip))) for index, strip in enumerate(found["strips"])}
    done = [each.row.cell_id for each in cells() if each.row.status == "done"]
    assert sorted(found["reconstructed"]) == sorted(done)
    assert len(set(found["originals"].values())) == 1
    with Image.open(board / "pictures" / f"{done[0]}.png") as strip:
        whole = strip.convert("L")
    width, height = whole.size
    assert shown[found["originals"][done[0]]].tobytes() == whole.crop((0, 0, width, height // 2)).tobytes()
    assert shown[found["reconstructed"][done[0]]].tobytes() == whole.crop((0, height // 2, width, height)).tobytes()


def test_beyond_the_limit_strips_of_weak_attacks_are_left_out_first_and_counted(board: Path) -> None:
    scenarios = content(*load_boards([board])).scenarios
    whole = collect_strips(scenarios, [board])

    small = collect_strips(scenarios, [board], limit=sum(map(len, whole.strips)) // 2)

    assert sum(map(len, small.strips)) <= sum(map(len, whole.strips)) // 2
    assert small.left_out == len(whole.reconstructed) - len(small.reconstructed) > 0
    strongest = {max(each.cells, key=lambda cell: cell["psnr_db"] or 0)["cell_id"] for each in scenarios[0].settings}
    assert strongest <= set(small.reconstructed)


def test_a_leaderboard_alone_gives_a_page_without_images(board: Path, tmp_path: Path) -> None:
    alone = tmp_path / "alone" / "board.csv"
    alone.parent.mkdir()
    alone.write_bytes((board / "leaderboard.csv").read_bytes())

    data = embedded(write_page(alone))

    assert data["gallery"] == {"strips": [], "originals": {}, "reconstructed": {}, "left_out": 0}
    assert {each["line"]["worst_case"] for each in data["scenarios"][0]["settings"]} == {"of means"}


def test_json_is_embedded_whole_and_refuses_what_json_cannot_say() -> None:
    value = {"a": "</script><!-- & \u2028", "b": [1, None]}

    assert json.loads(embed(value)) == value
    assert not set("<>&") & set(embed(value))
    with pytest.raises(ValueError, match="not JSON compliant"):
        embed(float("nan"))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("{board}", "-o", "{board}/leaderboard.csv"), "Expected a file name that ends in .html"),
        (("{board}/cells",), "Expected results of mia-bench in"),
        (("{board}/none.csv",), "Cannot read the table"),
        (("{board}", "-o", "{board}/leaderboard.csv/page.html"), "Cannot write"),
    ],
)
def test_bad_input_is_one_sentence(words: tuple[str, ...], message: str, board: Path) -> None:
    result = mia_bench("report", *(word.format(board=board) for word in words))

    assert result.exit_code == 2
    assert message in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


def test_a_damaged_strip_is_named(board: Path) -> None:
    damaged = next((board / "pictures").iterdir())
    damaged.write_bytes(b"no image")

    result = mia_bench("report", board, "-o", board / "page.html")

    assert result.exit_code == 2
    assert f"Cannot read the image {damaged}" in result.stderr


def test_a_board_without_rows_is_refused(board: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty.csv"
    empty.write_text((board / "leaderboard.csv").read_text().splitlines()[0] + "\n")

    result = mia_bench("report", empty, "-o", tmp_path / "page.html")

    assert result.exit_code == 2
    assert "Expected results to report, got no rows in" in result.stderr


def test_a_third_row_of_a_strip_is_left_out_and_the_others_are_whole(tmp_path: Path) -> None:
    rows = [torch.full((2, 3, 32, 32), value) for value in (0.0, 0.5, 1.0)]
    path = tmp_path / "strip.png"
    path.write_bytes(strip(*rows))

    originals, reconstructions = open_strip(path)

    assert originals.size == reconstructions.size == (2 * 68, 68)
    assert originals.getpixel((34, 34)) == (0, 0, 0)
    assert reconstructions.getpixel((34, 34)) == (128, 128, 128)


def test_a_title_and_a_path_that_are_not_in_utf_8_are_escaped(tmp_path: Path) -> None:
    board, out = write(tmp_path / "results", cells()[:3], pictured=False), tmp_path / "caf\udce9.html"

    result = mia_bench("report", board, "-o", out, "--title", "caf\udce9")

    assert (result.exit_code, result.stdout) == (0, f"Wrote {tmp_path}/caf\\udce9.html\n")
    assert "<title>caf\\udce9</title>" in out.read_text()
