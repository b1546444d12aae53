"""Fixtures that all tests share."""

import functools
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
import typer.testing
from mia_bench.benchmark.evaluation.artifacts import Artifacts
from mia_bench.benchmark.metrics import costs
from mia_bench.benchmark.utils import spawn
from typer.main import get_command

from .helpers.brief import shorten_training
from .helpers.trees import image_tree


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the slow tests, so that no worker process of pytest-xdist is left with one of them at the end."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


@pytest.fixture(scope="session")
def session_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One cache for all tests of a session, which the worker processes of pytest-xdist share."""
    base = tmp_path_factory.getbasetemp()
    return (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "session-cache"


@pytest.fixture(autouse=True)
def shared_cache(session_cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Train each target and evaluator once per session; the cache locks its files.

    A test that changes how something is trained, or that looks at the cache, must ask for the fixture ``cache``.
    """
    monkeypatch.setenv("MIA_BENCH_CACHE", str(session_cache))
    return session_cache


@pytest.fixture
def cache(shared_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache for one test."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("MIA_BENCH_CACHE", str(folder))
    return folder


@pytest.fixture(scope="session")
def brief_cache(session_cache: Path) -> Path:
    """Another cache for all tests, of targets that were trained for two steps."""
    return session_cache.with_name("brief-cache")


@pytest.fixture
def brief(shared_cache: Path, brief_cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Train every network for two steps, where nothing has to be learned."""
    monkeypatch.setenv("MIA_BENCH_CACHE", str(brief_cache))
    shorten_training(monkeypatch)
    return brief_cache


@pytest.fixture
def bench(tmp_path: Path) -> Artifacts:
    """What cells share, for small images in a folder."""
    return Artifacts(device=torch.device("cpu"), data_dir=image_tree(tmp_path / "images"))


@pytest.fixture(autouse=True, scope="session")
def one_command_line() -> Iterator[None]:
    """Build the command line from its declarations once, and not for each command that a test runs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(typer.testing, "_get_command", functools.cache(get_command))
        yield


@pytest.fixture(autouse=True, scope="session")
def warm_processes() -> Iterator[None]:
    """Import what workers need once for all worker processes of a session, when the first of them is started."""
    start_server = functools.partial(spawn.start_server, "mia_bench.benchmark.runner.processes", "torch._dynamo")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(spawn, "start_server", start_server)
        yield


@pytest.fixture(autouse=True, scope="session")
def brief_timing() -> Iterator[None]:
    """Measure the time of each client in few calls; ``test_costs.py`` tests how many there are otherwise."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("MIN_TIMING_SECONDS", "BUSY_SECONDS", "MAX_TIMING_SECONDS"):
            patch.setattr(costs, name, 0.01)
        yield


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> None:
    """Two spinning thread pools on two cores are slower than one thread each."""
    torch.set_num_threads(1)


@pytest.fixture
def one_onnx_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Export graphs with one registry of the functions of ONNX."""
    from .helpers.onnx_registry import ONNXRegistry, registry

    monkeypatch.setattr(ONNXRegistry, "from_torchlib", staticmethod(registry))
