"""Odd environments: file systems without locks, caches in odd places, signals."""

import errno
import fcntl
import logging
import os
import signal
from pathlib import Path

import pytest
import torch
from mia_bench.benchmark.errors import UsageError
from mia_bench.benchmark.runner.interruption import Interrupted, interruptible
from mia_bench.benchmark.utils.cache import cache_dir, cached_tensors
from mia_bench.benchmark.utils.file_locks import _warn_of_no_locks, locked
from torch import Tensor

from .answers import answer, refusal, time_limit

pytestmark = pytest.mark.usefixtures("cache")


def ones() -> dict[str, Tensor]:
    return {"x": torch.ones(1)}


@pytest.mark.parametrize("number", [errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP])
def test_a_cache_copied_with_its_locks_to_a_file_system_without_locks_is_read(
    number: int, cache: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    cached_tensors("weights", "w", ones)
    assert list(cache.rglob("*.lock"))
    _warn_of_no_locks.cache_clear()

    def fail(*arguments: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", fail)
    with time_limit(20), caplog.at_level(logging.WARNING):
        assert cached_tensors("weights", "w", ones)["x"] == 1
        assert cached_tensors("weights", "new", ones)["x"] == 1

    assert caplog.text.count("does not support locks") == 1


def test_a_lock_that_cannot_be_taken_for_another_reason_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(fcntl, "flock", fail)
    with time_limit(20), pytest.raises(UsageError, match=r"Cannot use the cache .*Input/output error"):
        cached_tensors("weights", "w", ones)


def test_waiting_for_another_process_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("mia_bench.benchmark.utils.file_locks.LOCK_NOTICE_SECONDS", 0.1)
    with open(tmp_path / ".x.lock", "w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        signal.signal(signal.SIGALRM, lambda *_: fcntl.flock(other, fcntl.LOCK_UN))
        signal.setitimer(signal.ITIMER_REAL, 0.5)
        with caplog.at_level(logging.WARNING), locked(tmp_path / "x"):
            pass

    assert "Waiting for another process to release" in caplog.text


def test_a_cache_in_the_home_folder_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("MIA_BENCH_CACHE", "~/cache")

    assert cache_dir() == tmp_path / "cache"


def test_a_cache_in_the_home_of_nobody_is_one_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MIA_BENCH_CACHE", "~nobody-of-that-name/cache")

    assert "Expected MIA_BENCH_CACHE to be a folder" in refusal("run", "--images", "1", "--out", tmp_path / "out")


@pytest.mark.parametrize("value", ["", "  "])
def test_an_empty_cache_variable_counts_as_not_set(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIA_BENCH_CACHE", value)

    assert cache_dir().name == "mia-bench"


@pytest.mark.parametrize("option", ["--out=~/results", "--out ~/results"])
def test_a_tilde_in_a_path_is_the_home_folder(option: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "results").write_text("a file")

    assert f"got the file {tmp_path / 'results'}" in refusal("run", *option.split())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_becomes_an_exception_and_its_handler_comes_back(number: signal.Signals) -> None:
    default = signal.default_int_handler if number is signal.SIGINT else signal.SIG_DFL
    before = signal.signal(number, default)  # a shell starts a job in the background with signals ignored
    try:
        with pytest.raises(Interrupted, match=number.name) as caught, interruptible():
            signal.raise_signal(number)

        assert caught.value.exit_code == 128 + number
        assert signal.getsignal(number) is default
    finally:
        signal.signal(number, before)


def test_an_interruption_by_the_handler_of_a_library_counts_as_ctrl_c() -> None:
    with pytest.raises(Interrupted, match="SIGINT"), interruptible():
        raise KeyboardInterrupt


def test_a_signal_that_was_ignored_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with interruptible():
            signal.raise_signal(signal.SIGHUP)
            assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN

        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize("term", ["dumb", "", "no-such-terminal"])
def test_a_terminal_of_any_kind_gets_the_list(term: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", term)
    monkeypatch.setenv("COLUMNS", "1")

    assert answer("list", "attacks").exit_code == 0
