"""Results of a run, and what is in a submission of them."""

import zipfile
from pathlib import Path

import pytest
from mia_bench.benchmark.leaderboard.submissions.writing import write_submission

from ....helpers.boards import cells, write
from .forgeries import Contents


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("results"), cells())


@pytest.fixture(scope="module")
def honest(results: Path) -> Contents:
    path = results.parent / "honest.zip"
    write_submission(results, path, title="Noise", code="https://example.org/code")
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}
