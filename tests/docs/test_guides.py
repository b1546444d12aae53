"""What the guides tell authors to use can be imported as they say."""

import re
from pathlib import Path

import mia_bench
import pytest
from mia_bench import attacks
from mia_bench.benchmark import interfaces

GUIDES = Path(__file__).parents[2] / "docs" / "guides"


@pytest.mark.parametrize("page", sorted(GUIDES.glob("*.md")), ids=lambda page: page.stem)
def test_each_interface_that_a_guide_names_is_public(page: Path) -> None:
    named = set(re.findall(r"`(?:mia_bench\.)?([A-Za-z_]+)[^`\n]*`", page.read_text()))

    assert named & {*interfaces.__all__} <= {*mia_bench.__all__, *attacks.__all__}


def test_each_name_that_a_guide_imports_from_the_package_exists() -> None:
    imports = [
        each for page in GUIDES.glob("*.md") for each in re.findall(r"from mia_bench import (.+)", page.read_text())
    ]

    names = {name.strip() for each in imports for name in each.split(",")}
    assert names
    assert names <= {*mia_bench.__all__}
