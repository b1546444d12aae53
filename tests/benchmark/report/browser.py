"""A browser that shows the page of a report, from disk."""

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from mia_bench.benchmark.cli.report import report
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement

from ...helpers.boards import cells, write

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
