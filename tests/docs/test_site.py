"""The documentation builds without a warning, and its generated pages are complete."""

import os
import re
import subprocess
import sys
from pathlib import Path

import mia_bench
import pytest
import typer
from mia_bench.benchmark import registry
from mia_bench.benchmark.cli import app
from mia_bench.benchmark.leaderboard.flag_kinds import FLAG_KINDS
from mia_bench.benchmark.leaderboard.ranked_defense import RankedDefense
from mia_bench.benchmark.leaderboard.records import Row
from mia_bench.benchmark.plan.built_in_suites import built_in
from mia_bench.benchmark.registry.parameters import parameters

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    built = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
    )
    assert built.returncode == 0, built.stderr
    assert "WARNING" not in built.stderr
    return folder


def reference(site: Path, name: str) -> str:
    return (site / "reference" / name / "index.html").read_text()


@pytest.mark.parametrize("kind", ["attacks", "defenses", "models", "datasets"])
def test_every_component_is_on_its_page_with_its_parameters(kind: registry.Kind, site: Path) -> None:
    page = reference(site, kind)

    for name in registry.names(kind):
        entry = registry.find(kind, name)
        if entry.package == registry.DISTRIBUTION:
            assert f'<h2 id="{name}">' in page
            assert all(f"<td>{parameter}</td>" in page for parameter, *_ in parameters(registry.load(entry)))


def test_formulas_are_drawn_without_a_script(site: Path) -> None:
    page = (site / "explanation" / "bounds" / "index.html").read_text()
    formulas = (ROOT / "docs" / "explanation" / "bounds.md").read_text().count("$")

    assert page.count("<math ") > 10
    assert page.count("</math>") * 2 + page.count('display="block"') * 2 == formulas
    assert "arithmatex" not in page
    assert "$" not in page.partition("<article")[2].partition("</article>")[0]


def test_every_suite_is_on_its_page_and_on_that_of_the_papers(site: Path) -> None:
    guide = (site / "guides" / "reproduce-a-paper" / "index.html").read_text()

    assert all(f'<h2 id="{name}">' in reference(site, "suites") for name in built_in())
    assert all(f"<code>{name}</code>" in guide for name in built_in())


def test_every_command_is_on_its_page_with_all_its_options(site: Path) -> None:
    page = reference(site, "commands")

    for name, command in typer.main.get_command(app).commands.items():  # pyright: ignore[reportAttributeAccessIssue]
        section = re.split(r"<h2 id=", page.partition(f'<h2 id="{name}">')[2])[0]
        options = [option for param in command.params for option in param.opts if option.startswith("-")]
        assert section
        assert all(f"<code>{option}</code>" in section for option in options), name


def test_every_column_and_every_flag_is_explained(site: Path) -> None:
    columns, flags = reference(site, "columns"), reference(site, "flags")

    assert all(f"<code>{name}</code>" in columns for name in (*Row.model_fields, *RankedDefense.__dataclass_fields__))
    assert all(f'<h2 id="{name}">' in flags for name in FLAG_KINDS)
    assert flags.count("Likely causes") == flags.count("What to do") == len(FLAG_KINDS)


def test_every_public_name_is_on_the_page_of_the_python_api(site: Path) -> None:
    page = reference(site, "python")

    assert all(f'<h3 id="{name.lower()}">' in page for name in mia_bench.__all__ if not name.startswith("__"))


def test_every_page_is_in_the_navigation() -> None:
    navigation = (ROOT / "mkdocs.yml").read_text()
    written = [path.relative_to(ROOT / "docs") for path in (ROOT / "docs").rglob("*.md")]
    results = [path.relative_to(ROOT) for path in (ROOT / "results").glob("*.md")]

    assert all(f": {path.as_posix()}\n" in navigation for path in (*written, *results))
