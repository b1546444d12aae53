"""What the tests of the harness share."""

from pathlib import Path

import pytest

from ..helpers.trees import image_tree


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return image_tree(tmp_path / "images")
