"""The disk cache: once, whole, and named when damaged."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from mia_bench.benchmark.errors import UsageError
from mia_bench.benchmark.utils import cache as cache_module
from mia_bench.benchmark.utils.atomic_files import write_atomically
from mia_bench.benchmark.utils.cache import cached_tensors, known_tensors
from torch import Tensor

pytestmark = pytest.mark.usefixtures("cache")

ASK = """
import contextlib, os, sys, time, torch
from mia_bench.benchmark.utils.cache import cached_tensors
def compute():
    with open(sys.argv[1], "a") as log:
        log.write("computed\\n")
    time.sleep(1)
    return {"x": torch.arange(3)}
os.fork(), os.fork()  # four processes
assert cached_tensors("weights", {"a": 1}, compute)["x"].tolist() == [0, 1, 2]
with contextlib.suppress(ChildProcessError):
    while True:
        assert os.wait()[1] == 0
"""


def never() -> dict[str, Tensor]:
    raise AssertionError("computed again")


@pytest.mark.slow
def test_processes_that_ask_at_the_same_time_compute_once(tmp_path: Path) -> None:
    log = tmp_path / "log"

    subprocess.run([sys.executable, "-c", ASK, str(log)], env=os.environ.copy(), check=True)

    assert log.read_text() == "computed\n"


def test_another_identity_is_computed_anew_and_the_same_is_not() -> None:
    assert cached_tensors("weights", {"a": 1}, lambda: {"x": torch.ones(1)})["x"] == 1
    assert cached_tensors("weights", {"a": 2}, lambda: {"x": torch.zeros(1)})["x"] == 0
    assert cached_tensors("weights", {"a": 1}, never)["x"] == 1


def test_what_is_cached_can_be_looked_up_and_what_is_not_is_not_computed(cache: Path) -> None:
    assert known_tensors("weights", {"a": 1}) is None
    assert not cache.exists()
    cached_tensors("weights", {"a": 1}, lambda: {"x": torch.ones(1)})
    assert known_tensors("weights", {"a": 2}) is None
    assert (known_tensors("weights", {"a": 1}) or {})["x"] == 1


def test_a_damaged_file_is_named_with_what_to_do(cache: Path) -> None:
    cached_tensors("weights", "w", lambda: {"x": torch.ones(1)})
    (path,) = (cache / "weights").glob("*.safetensors")
    path.write_bytes(path.read_bytes()[:10])

    with pytest.raises(UsageError, match=rf"{path.name} is damaged .*. Delete it and rerun"):
        cached_tensors("weights", "w", never)
    with pytest.raises(UsageError, match=rf"{path.name} is damaged"):
        known_tensors("weights", "w")


def test_a_cache_that_cannot_be_written_says_how_to_move_it(cache: Path) -> None:
    cache.write_text("a file where a folder is needed")

    with pytest.raises(UsageError, match="Set MIA_BENCH_CACHE to a writable folder"):
        cached_tensors("weights", "w", lambda: {"x": torch.ones(1)})


def test_an_error_of_the_file_system_in_a_computation_is_not_one_of_the_cache(cache: Path) -> None:
    def read_a_file() -> dict[str, torch.Tensor]:
        raise FileNotFoundError("prior.bin")

    with pytest.raises(FileNotFoundError, match="prior"):
        cached_tensors("weights", "w", read_a_file)


def test_a_full_cache_is_read_without_being_written(monkeypatch: pytest.MonkeyPatch) -> None:
    cached_tensors("weights", "w", lambda: {"x": torch.ones(1)})
    monkeypatch.setattr(cache_module, "locked", lambda _: pytest.fail("a lock file was written"))

    assert cached_tensors("weights", "w", never)["x"].tolist() == [1]


def test_a_failed_computation_leaves_nothing_behind(cache: Path) -> None:
    with pytest.raises(AssertionError, match="computed again"):
        cached_tensors("weights", "w", never)

    assert not list(cache.rglob("*.safetensors"))


def test_a_failed_write_keeps_the_old_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    write_atomically(path, b"old")

    def fail(*paths: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="disk full"):
        write_atomically(path, b"new")

    assert path.read_bytes() == b"old"
    assert [each.name for each in tmp_path.iterdir()] == ["file"]
