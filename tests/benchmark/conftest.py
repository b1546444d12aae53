"""What the tests of the harness share."""

from pathlib import Path

import pytest
import torch
from mia_bench.benchmark.evaluation.artifacts import Artifacts

from ..helpers.trees import image_tree


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return image_tree(tmp_path / "images")


@pytest.fixture
def bench(tmp_path: Path) -> Artifacts:
    return Artifacts(device=torch.device("cpu"), data_dir=image_tree(tmp_path / "images"))
