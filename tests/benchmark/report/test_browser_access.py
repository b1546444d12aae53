"""Everybody can read the page: themes, contrast, phones, names for screen readers."""

from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from mia_bench.benchmark.leaderboard.submissions.writing import write_submission
from mia_bench.benchmark.report.leaderboard_site import write_site

from ...helpers.boards import cell, write
from .browser import DESKTOP, PHONE, Reader

pytestmark = pytest.mark.slow


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


def test_long_names_of_objects_do_not_widen_a_phone(driver: Any, tmp_path: Path) -> None:
    own = {"dataset": "arrays:content=sha256:49933bad13e2e6bd", "split": "layer1.0.activation.after.the.sum"}
    own |= {"model": "module:kind=ResidualNetworkOfMine,content=sha256:0d53c060e95adb85"}
    results = write(
        tmp_path / "results", [cell("mine", "{}", "ridge", 20.0, **own), cell("undefended", "{}", "ridge", 30.0, **own)]
    )
    write_submission(results, tmp_path / "own.zip")
    write_site(tmp_path, tmp_path / "site")

    for page in ("site/index.html", "site/own/index.html"):
        reading = Reader(driver, tmp_path / page)
        reading.open(PHONE)
        assert reading.script("return document.documentElement.scrollWidth") <= PHONE["width"], page
