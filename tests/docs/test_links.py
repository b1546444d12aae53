"""Links and mentions in the repository lead to files that exist."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [
    path
    for folder in (".", "docs", "results", "leaderboard", "performance", "examples", "tests")
    for path in sorted(ROOT.glob("*.md") if folder == "." else (ROOT / folder).rglob("*.md"))
]
CODE = [
    path
    for folder in ("attacks", "benchmark", "defenses", "models", "performance")
    for path in (ROOT / folder).rglob("*.py")
]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_link_of_a_page_leads_to_a_file(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)", page.read_text()):
        if "://" not in target and not target.startswith("mailto:"):
            assert (page.parent / target).exists(), target


def test_every_page_that_the_code_names_exists() -> None:
    named = {name for path in CODE for name in re.findall(r"\bdocs/[\w/.-]+\.md", path.read_text())}

    assert named
    assert {name for name in named if not (ROOT / name).exists()} == set()


def test_no_page_names_a_folder_of_the_authors() -> None:
    assert [page for page in PAGES if "../shared" in page.read_text() and page.name != "CONTRIBUTING.md"] == []
