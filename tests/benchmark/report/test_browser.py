"""The page as its readers meet it: in a real browser, from disk."""

from pathlib import Path
from typing import Any

import pytest
from mia_bench.benchmark.cli.report import report
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from ...helpers.boards import HOSTILE, REASON, cells, write
from .browser import UNKNOWN, Reader

pytestmark = pytest.mark.slow


def test_the_answer_names_what_keeps_accuracy_and_makes_attacks_fail(reader: Reader) -> None:
    assert reader.one("#verdict").text == (
        "1 of 5 settings keeps 95 % of the accuracy and makes both attacks of this report fail."
    )
    assert reader.texts("#cards h3")[0] == "sealed"

    reader.script("const s = arguments[0]; s.value = 100; s.dispatchEvent(new Event('input'))", reader.one("#kept"))

    assert reader.one("#verdict").text == "None of 5 settings is complete and keeps 100 % of the accuracy."
    assert reader.texts("#cards h3") == []


def test_the_answer_names_the_attack_if_there_is_only_one(driver: Any, tmp_path: Path) -> None:
    one = [each for each in cells() if each.row.attack in ("ridge", "mean_image")]
    report([write(tmp_path / "results", one)], out=tmp_path / "page.html")
    reading = Reader(driver, tmp_path / "page.html")
    reading.open()

    assert reading.one("#verdict").text.endswith("makes the only attack of this report, ridge, fail.")
    assert "ridge fails" in reading.texts("#cards .mark")


def test_sorting_goes_through_buttons_both_ways_and_says_so(reader: Reader) -> None:
    assert reader.column("Rank") == ["1", "2", "3", "4", "5", "6"]
    assert reader.head("Rank").get_attribute("aria-sort") == "ascending"
    button = reader.head("Accuracy").find_element(By.TAG_NAME, "button")

    reader.click(button)

    down = [float(text.split()[0]) for text in reader.column("Accuracy")]
    assert down == sorted(down, reverse=True)
    assert reader.head("Accuracy").get_attribute("aria-sort") == "descending"
    assert reader.head("Rank").get_attribute("aria-sort") == "none"

    button.send_keys(Keys.ENTER)

    assert [float(text.split()[0]) for text in reader.column("Accuracy")] == down[::-1]
    assert reader.head("Accuracy").get_attribute("aria-sort") == "ascending"


def test_unknown_values_stay_last_whichever_way_is_sorted(reader: Reader) -> None:
    reader.click(reader.one("input[name=view][value=cells]"))
    button = reader.head("PSNR").find_element(By.TAG_NAME, "button")

    for _ in range(2):
        reader.click(button)
        assert reader.column("PSNR")[-2:] == [UNKNOWN] * 2
        assert reader.column("Status")[-1] == f"failed: {REASON}"


def test_filters_apply_to_chart_leaderboard_and_images(reader: Reader) -> None:
    def shown() -> list[tuple[int, int, int]]:
        return [(len(reader.all("#scatter .point")), len(reader.column("Rank")), len(reader.all("#ladder .rung")))]

    assert shown() == [(6, 6, 6)]
    reader.one("#search").send_keys("SIGMA")
    assert shown() == [(3, 3, 3)]
    assert reader.one("#count").text == "3 of 6 settings"
    reader.click(reader.one("#clear"))
    reader.click(next(each for each in reader.all("#legend button") if each.text == "noise"))
    assert shown() == [(3, 3, 3)]
    reader.click(reader.one("#only-sound"))
    assert reader.column("Defense") == ["sealed", "undefended"]
    reader.click(reader.one("#clear"))
    reader.click(reader.one("#only-pareto"))
    assert reader.column("Defense") == ["sealed", "undefended"]
    assert [("Pareto" in text) for text in reader.column("Marks")] == [True, True]
    reader.click(reader.one("#clear"))
    reader.click(reader.one("#only-kept"))
    assert "noise:sigma=10.0" not in reader.column("Defense")
    reader.click(reader.one("#clear"))
    assert shown() == [(6, 6, 6)]


def test_pointing_at_a_point_or_focusing_it_tells_about_it(reader: Reader) -> None:
    tip = reader.one("#tip")
    assert not tip.is_displayed()
    target = reader.point("sealed")
    reader.script("arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", target)

    webdriver.ActionChains(reader.driver).move_to_element(target).perform()

    assert tip.is_displayed()
    assert "accuracy 98.00 %" in tip.text
    assert "over 2 seeds 97.50 % to 98.50 %" in tip.text

    webdriver.ActionChains(reader.driver).send_keys(Keys.ESCAPE).perform()
    assert not tip.is_displayed()

    reader.script("arguments[0].focus({preventScroll: true})", reader.all("#scatter .point")[0])
    assert "sealed" in tip.text
    reader.driver.switch_to.active_element.send_keys(Keys.ARROW_RIGHT)
    assert "noise:sigma=10.0" in tip.text
    assert reader.driver.switch_to.active_element.get_attribute("aria-label").startswith("noise:sigma=10.0")
    assert len(reader.all("#scatter .point[tabindex='0']")) == 1


def test_details_show_every_attack_with_its_images_and_close_with_escape(reader: Reader) -> None:
    dialog = reader.one("#details")
    button = next(each for each in reader.all("#table .link") if each.text == "noise:sigma=1.0")

    reader.click(button)

    assert dialog.is_displayed()
    assert reader.texts("#details .attack h3") == [
        "Originals",
        "white_box · white box",
        "ridge · black box",
        "mean_image · reference: ignores the wire",
    ]
    assert reader.script("return [...document.querySelectorAll('#details img')].every(i => i.naturalWidth && i.alt)")
    assert len(reader.all("#details img")) == 4
    dialog.send_keys(Keys.ESCAPE)
    assert not dialog.is_displayed()
    assert reader.driver.switch_to.active_element == button


def test_hostile_names_are_shown_as_text(reader: Reader) -> None:
    assert f"{HOSTILE} incomplete" in reader.column("Defense")
    assert HOSTILE in reader.texts("#legend button")
    reader.click(reader.one("#trust summary"))
    assert REASON in reader.one("#trust").text
    assert reader.script("return document.scripts.length") == 2
    assert reader.script("return document.querySelectorAll('b, img:not([src^=\"data:image/png\"])').length") == 0


def test_what_is_not_to_be_trusted_is_said(reader: Reader) -> None:
    reader.click(reader.one("#trust summary"))

    text = reader.one("#trust").text

    assert "2 audit flags, 1 incomplete setting" in text
    assert "Flag black-box-beats-white-box: white_box on noise:sigma=0.1" in text
    assert f"Incomplete: {HOSTILE}, white_box, seed 1: failed:" in text


def test_another_split_is_chosen_and_all_is_drawn_anew(reader: Reader) -> None:
    before = reader.column("PSNR")
    choice = reader.one("#scenarios select[data-key=split]")
    assert [option.text for option in choice.find_elements(By.TAG_NAME, "option")] == ["conv1", "relu2"]

    choice.send_keys("relu2")

    assert reader.column("PSNR") != before
    assert reader.script("return document.querySelector('#scenarios select').value") == "relu2"


def test_the_other_measure_and_the_other_axis_move_the_points(reader: Reader) -> None:
    before = reader.point("sealed").get_attribute("transform")
    reader.click(reader.one("input[name=scale][value=linear]"))
    other = reader.point("sealed").get_attribute("transform")
    assert other != before
    reader.click(reader.one("input[name=metric][value=ssim]"))
    assert reader.point("sealed").get_attribute("transform") != other
    assert "SSIM" in reader.texts("#scatter .axis-title")[0]
