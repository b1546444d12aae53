"""What the tests of the checks share."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from mia_bench.benchmark.checks.worker import Worker

sys.path.append(str(Path(__file__).parent))  # worker processes import the planted components by their names


@pytest.fixture(scope="session")
def worker() -> Iterator[Worker]:
    """One process for all labs, since it takes seconds to start."""
    with Worker() as worker:
        yield worker
