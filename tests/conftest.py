"""Fixtures that all tests share."""

from pathlib import Path

import pytest
import torch


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache for each test."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("MIA_BENCH_CACHE", str(folder))
    return folder


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> None:
    """Two spinning thread pools on two cores are slower than one thread each."""
    torch.set_num_threads(1)
