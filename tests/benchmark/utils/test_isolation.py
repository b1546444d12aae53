"""The state of the process around a call into a component."""

import gc
import locale
import logging
import os
import random
import signal
import sys
import time
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from mia_bench.benchmark.utils.isolation import isolated, restored_state
from mia_bench.benchmark.utils.process_state import STATES

LEAKS: dict[str, Callable[[], object]] = {
    "dtype": lambda: torch.set_default_dtype(torch.float64),
    "device": lambda: torch.set_default_device("meta"),
    "gradients": lambda: torch.set_grad_enabled(False),
    "inference mode": lambda: torch.inference_mode().__enter__(),
    "autocast": lambda: torch.set_autocast_enabled("cpu", True),
    "threads": lambda: torch.set_num_threads(3),
    "precision": lambda: torch.set_float32_matmul_precision("medium"),
    "deterministic": lambda: torch.use_deterministic_algorithms(True, warn_only=True),
    "cudnn": lambda: setattr(torch.backends.cudnn, "benchmark", True),
    "cudnn precision": lambda: setattr(torch.backends.cudnn.conv, "fp32_precision", "tf32"),
    "anomaly": lambda: torch.autograd.set_detect_anomaly(True, check_nan=False),
    "denormal numbers": lambda: torch.set_flush_denormal(True),
    "torch seed": lambda: torch.manual_seed(1),
    "numpy seed": lambda: np.random.seed(1),
    "numpy errors": lambda: np.seterr(all="raise"),
    "random seed": lambda: random.seed(1),
    "warnings": lambda: warnings.simplefilter("ignore"),
    "environment": lambda: (os.environ.update(MIA_BENCH_CACHE="/x", NEW="1"), os.environ.pop("PATH")),
    "folder": lambda: os.chdir("/"),
    "locale": lambda: locale.setlocale(locale.LC_ALL, "C" if locale.setlocale(locale.LC_ALL) != "C" else "C.UTF-8"),
    "signals": lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),
    "alarm": lambda: signal.alarm(100),
    "logging": lambda: (logging.disable(), logging.getLogger().addHandler(logging.NullHandler())),
    "output": lambda: (sys.stdout.close(), sys.stderr.close(), setattr(sys, "stdout", None)),
    "recursion": lambda: sys.setrecursionlimit(10_000),
    "garbage": gc.disable,
}


def state() -> list[object]:
    return [*(each.read() for each in STATES), torch.is_inference_mode_enabled(), torch.get_rng_state().tolist()]


@pytest.mark.filterwarnings("ignore:Anomaly Detection")
@pytest.mark.parametrize("leak", LEAKS.values(), ids=LEAKS)
def test_what_a_component_changes_is_restored(leak: Callable[[], object], capsys: pytest.CaptureFixture[str]) -> None:
    before = state()

    with isolated("a test"):
        leak()

    assert state() == before
    print("still open", torch.zeros(1).dtype)
    assert capsys.readouterr().out == "still open torch.float32\n"


def test_it_is_restored_also_after_an_exception() -> None:
    before = state()

    def leak_and_raise() -> None:
        with isolated("a test"):
            torch.set_default_dtype(torch.float64)
            os.chdir("/")
            raise SystemExit

    with pytest.raises(SystemExit):
        leak_and_raise()
    assert state() == before


def test_the_state_inside_is_known_whatever_the_caller_has_set() -> None:
    torch.set_default_dtype(torch.float64)
    try:
        with torch.inference_mode(), torch.device("meta"), torch.autocast("cpu"), restored_state():
            weight = torch.ones(2, 2, requires_grad=True)
            (weight @ weight).sum().backward()
            assert (weight.dtype, weight.device.type, (weight @ weight).dtype) == (torch.float32, "cpu", torch.float32)
            assert weight.grad is not None
        assert torch.get_default_dtype() is torch.float64
    finally:
        torch.set_default_dtype(torch.float32)


def test_no_precision_is_reduced_inside() -> None:
    with restored_state():
        cudnn = torch.backends.cudnn
        assert (cudnn.conv.fp32_precision, cudnn.rnn.fp32_precision) == ("ieee", "ieee")  # pyright: ignore[reportAttributeAccessIssue]
        assert torch.get_float32_matmul_precision() == "highest"
        assert (
            not torch.backends.cudnn.allow_tf32
        )  # reading it fails where it contradicts the others, as in torch.export
    assert torch.backends.cudnn.allow_tf32


def test_every_random_number_follows_from_the_identity() -> None:
    def draw() -> tuple[float, float, float]:
        return torch.rand(1).item(), float(np.random.rand()), random.random()

    with isolated("a"):
        first = draw()
    draw()
    with isolated("a"):
        assert draw() == first
    with isolated("b"):
        assert all(one != other for one, other in zip(draw(), first, strict=True))


def test_what_a_component_prints_goes_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    with isolated("a test"):
        print("hello")

    assert capsys.readouterr() == ("", "hello\n")


def test_a_deleted_folder_is_no_obstacle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "gone"
    folder.mkdir()
    monkeypatch.chdir(folder)
    folder.rmdir()

    with isolated("a test"):
        drawn = torch.rand(1)

    with isolated("a test"):
        assert torch.equal(torch.rand(1), drawn)
    with pytest.raises(FileNotFoundError):
        os.getcwd()


def test_threads_take_turns_so_that_each_has_its_own_random_numbers() -> None:
    def drawn(name: str) -> list[float]:
        with isolated(name):
            first = torch.rand(1).item()
            time.sleep(0.02)
            return [first, torch.rand(1).item(), random.random()]

    alone = [drawn(name) for name in "abc"]
    with ThreadPoolExecutor(3) as pool:
        together = list(pool.map(drawn, "abc"))

    assert together == alone


def test_the_older_switch_of_cudnn_can_be_read() -> None:
    with isolated("a test"):
        assert (
            torch.backends.cudnn.allow_tf32 is False
        )  # torch.export reads it, and torch raises if parts contradict it
    assert torch.backends.cudnn.allow_tf32 is True
