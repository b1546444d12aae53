"""Views of the page in a real browser: the address, all splits, the overview, the slider, files to save."""

import json
import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from PIL import Image
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from ...helpers.boards import near_front, write
from ...helpers.commands import mia_bench
from .browser import UNKNOWN, Reader

pytestmark = pytest.mark.slow


def test_the_address_keeps_the_view_and_opens_it_again(reader: Reader) -> None:
    assert "#" not in reader.driver.current_url
    reader.one("#search").send_keys("noise")
    reader.click(reader.head("Accuracy").find_element(By.TAG_NAME, "button"))
    reader.click(reader.one("input[name=cost][value=latency]"))
    reader.one("#scenarios select[data-key=split]").send_keys("relu2")
    reader.click(next(each for each in reader.all("#legend button") if each.text == "sealed"))
    before = (reader.column("Defense"), reader.column("PSNR"), reader.one("#cost-text").text)

    address = reader.driver.current_url
    reader.driver.get("about:blank")
    reader.driver.get(address)

    assert (reader.column("Defense"), reader.column("PSNR"), reader.one("#cost-text").text) == before
    assert reader.head("Accuracy").get_attribute("aria-sort") == "descending"
    assert reader.one("#scenarios select[data-key=split]").get_attribute("value") == "relu2"
    assert reader.driver.current_url == address
    reader.driver.get_log("performance")  # this test asked for other pages itself
    reader.open()


@pytest.mark.parametrize(
    "words", ["kept=NaN&cost=nothing&sort=-none&network=6g&limit=-3", "hide=%3Cb%3E&view=x&attack=y"]
)
def test_a_wrong_address_shows_the_page_as_usual(words: str, reader: Reader) -> None:
    usual = reader.column("Defense")

    reader.script("location.hash = arguments[0]", words)

    assert reader.column("Defense") == usual


def test_all_splits_are_in_one_chart_with_the_chosen_one_marked(reader: Reader) -> None:
    assert len(reader.all("#cost-chart .point")) == 12
    assert len(reader.all("#cost-chart .chosen")) == 1
    assert "m relu2 sealed leaks least" in reader.one("#cost-text").text

    reader.click(reader.one("input[name=cost][value=latency]"))
    wifi = reader.one("#cost-text").text
    reader.one("#network").send_keys("LTE")

    assert "5.85 Mbit/s up" in reader.one("#cost-text").text != wifi
    reader.one("#limit").send_keys("1")
    assert "No complete line has at most 1 ms" in reader.one("#cost-text").text
    assert not reader.all("#cost-chart .chosen")


def test_a_point_of_another_split_opens_that_split(reader: Reader) -> None:
    other = next(
        each
        for each in reader.all("#cost-chart .point")
        if each.get_attribute("aria-label").startswith("m relu2 sealed")
    )

    reader.script("arguments[0].dispatchEvent(new MouseEvent('click'))", other)

    assert reader.one("#details-title").text == "sealed"
    assert reader.script("return document.querySelector('#scenarios select').value") == "relu2"


def test_the_overview_has_a_row_for_each_scenario_and_opens_it(reader: Reader) -> None:
    assert [row.split()[2] for row in reader.texts("#overview-table tbody th")] == ["conv1", "relu2"]
    assert reader.texts("#overview-table tbody tr > :nth-child(9)") == ["2", "2"]

    reader.click(reader.all("#overview-table .link")[1])

    assert reader.script("return document.querySelector('#scenarios select').value") == "relu2"


def test_the_slider_lays_the_reconstruction_over_its_original(reader: Reader) -> None:
    reader.click(reader.all("#ladder .compare")[0])

    def cut() -> str:
        return reader.script("return document.querySelector('#pair .layer').style.clipPath")

    width = reader.script("return document.querySelector('#pair').clientWidth")
    assert width >= 300
    assert reader.one("#viewer-place").text == "Image 1 of 6"
    before = cut()
    reader.script("const s = arguments[0]; s.value = 10; s.dispatchEvent(new Event('input'))", reader.one("#wipe"))
    assert cut() != before
    reader.click(reader.one("#viewer-previous"))
    assert reader.one("#viewer-place").text == "Image 6 of 6"
    assert "mean image" in reader.one("#viewer-text").text
    assert reader.script("return [...document.querySelectorAll('#pair img')].every(i => i.naturalWidth && i.alt)")


def test_recognizable_shares_come_with_that_of_the_mean_image(reader: Reader) -> None:
    reader.click(reader.one("input[name=view][value=cells]"))

    done = [text for text in reader.column("Recognizable") if text != UNKNOWN]
    attacks = reader.column("Attack")[: len(done)]
    assert all(("mean image" in text) == (attack != "mean_image") for text, attack in zip(done, attacks, strict=True))


def test_the_leaderboard_is_saved_as_csv_and_charts_as_png(reader: Reader, tmp_path: Path) -> None:
    reader.driver.execute_cdp_cmd("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(tmp_path)})
    reader.one("#search").send_keys("noise")

    for button in ("#save-csv", "#save-tradeoff", "#save-costs"):
        reader.click(reader.one(button))
    WebDriverWait(reader.driver, 20).until(
        lambda _: len([*tmp_path.glob("*.csv")]) + len([*tmp_path.glob("*.png")]) == 3
    )

    table = pd.read_csv(tmp_path / "leaderboard-d-m-conv1.csv")
    assert table["defense"].tolist() == [text.replace(" flagged", "") for text in reader.column("Defense")]
    for name in ("tradeoff", "costs"):
        with Image.open(tmp_path / f"{name}-d-m-conv1.png") as chart:
            assert chart.width > 2000
            assert len(set(chart.convert("L").resize((200, 100)).tobytes())) > 10
    kept = [
        message
        for entry in reader.driver.get_log("performance")
        if (message := json.loads(entry["message"])["message"])
    ]
    requested = {each["params"]["request"]["url"] for each in kept if each["method"] == "Network.requestWillBeSent"}
    assert all(url.startswith(("data:", "blob:", "file:")) for url in requested)
    reader.open()


def test_the_line_of_the_front_rises_where_neighbors_differ_within_their_intervals(driver: Any, tmp_path: Path) -> None:
    board = write(tmp_path / "results", near_front())
    assert mia_bench("report", board, "-o", tmp_path / "page.html").exit_code == 0
    reader = Reader(driver, tmp_path / "page.html")

    reader.open()

    heights = [
        float(height) for height in re.findall(r"V([\d.]+)", reader.one("#scatter .front").get_attribute("d") or "")
    ]
    assert "sealed, noise, undefended" in reader.one("#scatter-text").text
    assert len(heights) == 2
    assert heights == sorted(heights, reverse=True)
