"""The profile of this device."""

import time

import pytest
import torch
from mia_bench.benchmark.splits.profiling import CLOCK, _seconds
from torch import Tensor, nn


class Interrupted(nn.Module):
    """A layer during which another process has the core."""

    def forward(self, value: Tensor) -> Tensor:
        time.sleep(0.02)
        return value


@pytest.mark.skipif(CLOCK != "thread_time", reason="The clock of threads is too coarse here.")
def test_the_time_of_other_processes_does_not_count() -> None:
    assert _seconds(Interrupted(), torch.zeros(1)) < 0.01
