"""The documentation builds without a warning, and its generated pages are complete."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from mia_bench.benchmark import registry
from mia_bench.benchmark.plan.built_in_suites import built_in

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]


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


@pytest.mark.parametrize("kind", ["attacks", "defenses"])
def test_every_component_is_on_its_page_with_its_parameters(kind: str, site: Path) -> None:
    page = (site / kind / "index.html").read_text()

    for name in registry.names(kind):
        entry = registry.find(kind, name)
        if entry.package == registry.DISTRIBUTION:
            assert f"<code>{name}</code>" in page
            assert all(f"<td>{parameter}</td>" in page for parameter in entry.load().model_fields)


def test_every_suite_is_on_the_page_of_the_papers(site: Path) -> None:
    page = (site / "papers" / "index.html").read_text()

    assert all(f"<code>{name}</code>" in page for name in built_in())
