"""Datasets as a run uses them."""

import logging
from typing import Any
from unittest.mock import Mock

import pytest
import torch
from mia_bench.benchmark.evaluation.pool_loader import PoolLoader
from mia_bench.benchmark.interfaces import ImageSet, Pools


@pytest.mark.parametrize(("white", "warned"), [(1.0, False), (4095 / 65535, True)])
def test_images_that_are_dark_throughout_are_told(white: float, warned: bool, caplog: pytest.LogCaptureFixture) -> None:
    torch.manual_seed(0)
    pools = Pools(
        *(ImageSet(white * torch.rand(4, 1, 8, 8), torch.tensor([0, 1, 0, 1])) for _ in range(3)), classes=("a", "b")
    )
    dataset: Any = Mock(label="npz", identity=(), entry=Mock(foreign=False))

    with caplog.at_level(logging.WARNING):
        PoolLoader(lambda _: pools, torch.device("cpu")).pools(dataset)

    assert ("npz: The brightest pixel is 0.062, where 1 is white." in caplog.text) == warned
