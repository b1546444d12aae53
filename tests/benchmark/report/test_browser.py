"""The page as its readers meet it: in a real browser, from disk."""

import json
import os
import shutil
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from mia_bench.benchmark.cli.report import report
from PIL import Image
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

from ...helpers.boards import HOSTILE, REASON, cells, write

pytestmark = pytest.mark.slow

FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
)
UNKNOWN = "\N{EN DASH}"
DESKTOP = {"width": 1280, "height": 900, "deviceScaleFactor": 1, "mobile": False}
PHONE = {"width": 360, "height": 740, "deviceScaleFactor": 2, "mobile": True}


class Reader:
    """A browser with the page open."""

    def __init__(self, driver: Any, page: Path) -> None:
        self.driver = driver
        self.page = page

    def open(self, size: dict[str, Any] = DESKTOP, theme: str = "light") -> None:
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        features = [{"name": "prefers-color-scheme", "value": theme}]
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
        self.driver.get(self.page.as_uri())

    def all(self, selector: str) -> list[WebElement]:
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def one(self, selector: str) -> WebElement:
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def script(self, code: str, *arguments: Any) -> Any:
        return self.driver.execute_script(code, *arguments)

    def click(self, element: WebElement) -> None:
        self.script("arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", element)
        element.click()

    def texts(self, selector: str) -> list[str]:
        return self.script("return [...document.querySelectorAll(arguments[0])].map(e => e.textContent)", selector)

    def column(self, title: str) -> list[str]:
        """The texts of a column of the leaderboard."""
        titles = [text.rstrip("↕▲▼ ") for text in self.texts("#table thead th")]
        return self.texts(f"#table tbody tr > :nth-child({titles.index(title) + 1})")

    def head(self, title: str) -> WebElement:
        """The head of a column."""
        return next(each for each in self.all("#table thead th") if each.text.rstrip("↕▲▼ ") == title)

    def point(self, label: str) -> WebElement:
        """A point of the scatter."""
        return next(each for each in self.all("#scatter .point") if each.get_attribute("data-label") == label)


def browser() -> str:
    """The path of Chromium; without one the test is skipped, but in continuous integration it fails."""
    path = next(
        (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), ""
    )
    if not path or not shutil.which("chromedriver"):
        reason = "no Chromium with chromedriver here: apt-get install chromium chromium-driver"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return path


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    options = webdriver.ChromeOptions()
    options.binary_location = browser()
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    service = Service(shutil.which("chromedriver"))
    running = webdriver.Chrome(options=options, service=service)
    yield running
    running.quit()


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    board = write(folder / "results", cells(seeds=(0, 1), splits=("conv1", "relu2")))
    report([board], out=folder / "page.html")
    return folder / "page.html"


@pytest.fixture
def reader(driver: Any, page: Path) -> Iterator[Reader]:
    """A fresh page; afterwards: no error on its console, and no request but for itself."""
    driver.get_log("browser")
    driver.get_log("performance")
    reading = Reader(driver, page)
    reading.open()
    yield reading
    messages = [json.loads(entry["message"])["message"] for entry in driver.get_log("performance")]
    requested = {
        message["params"]["request"]["url"] for message in messages if message["method"] == "Network.requestWillBeSent"
    }
    assert {url for url in requested if not url.startswith("data:")} == {page.as_uri()}
    assert driver.get_log("browser") == []


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


def test_the_theme_follows_the_system_until_the_button_says_otherwise(reader: Reader) -> None:
    def paper() -> str:
        return reader.script("return getComputedStyle(document.body).backgroundColor")

    light, button = paper(), reader.one("#theme")
    assert button.text == "Dark theme"
    button.click()
    dark = paper()
    assert dark != light
    assert button.text == "Light theme"
    button.click()
    assert paper() == light
    reader.open(theme="dark")
    assert paper() == dark


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_has_the_contrast_of_wcag_aa(theme: str, reader: Reader) -> None:
    reader.open(theme=theme)

    ratios = reader.script(
        """
        const light = (color) => { const [r, g, b] = color.match(/[0-9.]+/g).slice(0, 3).map((v) => v / 255)
            .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
        const probe = document.body.appendChild(document.createElement("i"));
        const of = (name) => { probe.style.color = `var(--${name})`; return light(getComputedStyle(probe).color); };
        const ratio = (a, b) => (Math.max(of(a), of(b)) + 0.05) / (Math.min(of(a), of(b)) + 0.05);
        const text = ["ink", "soft", "accent", "good", "warn", "bad"].flatMap((n) => [ratio(n, "paper"), ratio(n, "raised")]);
        return [Math.min(...text), ratio("strong", "paper")];
        """  # noqa: E501
    )

    assert ratios[0] >= 4.5
    assert ratios[1] >= 3


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_phone_shows_all_without_scrolling_sideways(theme: str, reader: Reader) -> None:
    reader.open(PHONE, theme)

    width, height = reader.script(
        "return [document.documentElement.scrollWidth, document.documentElement.scrollHeight]"
    )
    assert width <= PHONE["width"]
    assert height > PHONE["height"]
    reader.click(reader.all("#cards .link")[0])
    inside, around = reader.script(
        "const d = document.querySelector('#details'); return [d.scrollWidth, d.clientWidth]"
    )
    assert inside <= around


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("opened", ["", "#cards .link", "#ladder .compare"])
@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_axe_finds_no_violation(size: dict[str, Any], opened: str, theme: str, reader: Reader) -> None:
    reader.open(size, theme)
    if opened:
        reader.click(reader.all(opened)[0])
    reader.driver.execute_script(files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8"))

    found = reader.driver.execute_async_script("axe.run().then((result) => arguments[0](result.violations))")

    assert [(each["id"], [node["html"][:200] for node in each["nodes"]]) for each in found] == []


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


def test_every_control_has_a_name_and_every_chart_a_text(reader: Reader) -> None:
    nameless = reader.script(
        """
        const named = (e) => (e.ariaLabel || e.textContent || "").trim() || e.labels?.length || e.getAttribute("aria-labelledby");
        return [...document.querySelectorAll("button, input, select, [role=button], [role=region], svg[role=group]")]
            .filter((e) => !named(e)).map((e) => e.outerHTML);
        """  # noqa: E501
    )

    assert nameless == []
    assert "Pareto front of the shown settings (solid line): sealed, undefended." in reader.one("#scatter-text").text
    assert all(reader.texts("#curves figcaption"))
    assert reader.script("return [...document.images].every((image) => image.alt)")
