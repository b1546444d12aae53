"""The parts of the process state that affect later computations, and how to read and restore each of them."""

from __future__ import annotations

import gc
import locale
import logging
import os
import random
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch


@dataclass(frozen=True)
class ProcessState:
    """One part of the state of a process.

    Attributes:
        read: Returns the current value, which supports comparison.
        write: Sets the state to such a value.
        known: The value that the benchmark uses. None keeps the caller's value.

    Example:
        >>> threads = ProcessState(torch.get_num_threads, torch.set_num_threads)
        >>> threads.write(threads.read())
    """

    read: Callable[[], Any]
    write: Callable[[Any], object]
    known: Any = None


def _default_device(device: torch.device) -> None:
    torch.set_default_device(None)
    if torch.get_default_device() != device:
        torch.set_default_device(device)


def _deterministic() -> tuple[bool, bool]:
    return torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()


def _set_deterministic(value: tuple[bool, bool]) -> None:
    torch.use_deterministic_algorithms(value[0], warn_only=value[1])


_CUDNN = ("enabled", "benchmark", "deterministic")


def _cudnn() -> tuple[bool, ...]:
    return tuple(getattr(torch.backends.cudnn, name) for name in _CUDNN)


def _set_cudnn(value: tuple[bool, ...]) -> None:
    for name, flag in zip(_CUDNN, value, strict=True):
        setattr(torch.backends.cudnn, name, flag)


_CUDNN_PARTS = (torch.backends.cudnn.conv, torch.backends.cudnn.rnn)  # pyright: ignore[reportAttributeAccessIssue]


def _cudnn_precision() -> tuple[str, ...]:
    return tuple(part.fp32_precision for part in _CUDNN_PARTS)


def _set_cudnn_precision(value: tuple[str, ...]) -> None:
    torch.backends.cudnn.allow_tf32 = set(value) == {"tf32"}  # Reading this older switch raises if the parts differ.
    for part, precision in zip(_CUDNN_PARTS, value, strict=True):
        part.fp32_precision = precision  # pyright: ignore[reportAttributeAccessIssue]


def _flushes_denormals() -> bool:
    smallest = sys.float_info.min
    return smallest / 4 == 0


def _numpy_numbers() -> tuple[Any, ...]:
    name, keys, *rest = np.random.get_state()
    return name, keys.tobytes(), *rest  # pyright: ignore[reportAttributeAccessIssue]


def _set_numpy_numbers(value: tuple[Any, ...]) -> None:
    name, keys, *rest = value
    np.random.set_state((name, np.frombuffer(keys, np.uint32), *rest))


def _set_filters(value: list[Any]) -> None:
    warnings.resetwarnings()  # Forgets which warnings were shown under other filters.
    cast(list[Any], warnings.filters)[:] = value


def _set_environment(value: Mapping[str, str]) -> None:
    for name in os.environ.keys() - value.keys():
        del os.environ[name]
    os.environ.update(value)


def _folder() -> str | None:
    try:
        return os.getcwd()
    except OSError:  # The folder was deleted.
        return None


def _set_folder(value: str | None) -> None:
    if value is not None:
        os.chdir(value)


_SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGALRM") if hasattr(signal, name)]


def _handlers() -> tuple[Any, ...]:
    return tuple(signal.getsignal(number) for number in _SIGNALS)


def _set_handlers(value: tuple[Any, ...]) -> None:
    if threading.current_thread() is threading.main_thread():  # Other threads cannot change handlers.
        for number, handler in zip(_SIGNALS, value, strict=True):
            if handler is not None:
                signal.signal(number, handler)


def _alarm() -> bool:
    return hasattr(signal, "getitimer") and signal.getitimer(signal.ITIMER_REAL)[0] > 0


def _set_alarm(value: bool) -> None:
    if not value:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _logging() -> tuple[Any, ...]:
    return logging.root.manager.disable, logging.root.level, tuple(logging.root.handlers)


def _set_logging(value: tuple[Any, ...]) -> None:
    disabled, level, handlers = value
    logging.disable(disabled)
    logging.root.setLevel(level)
    logging.root.handlers[:] = handlers


def _streams() -> tuple[Any, ...]:
    return sys.stdin, sys.stdout, sys.stderr


def _set_streams(value: tuple[Any, ...]) -> None:
    sys.stdin, sys.stdout, sys.stderr = value


def _autocast(device: str) -> ProcessState:
    return ProcessState(
        lambda: torch.is_autocast_enabled(device), lambda value: torch.set_autocast_enabled(device, value), False
    )


STATES = (
    ProcessState(torch.get_default_dtype, torch.set_default_dtype, torch.float32),
    ProcessState(torch.get_default_device, _default_device),
    ProcessState(torch.is_grad_enabled, torch.set_grad_enabled, True),
    _autocast("cpu"),
    _autocast("cuda"),
    ProcessState(torch.get_num_threads, torch.set_num_threads),
    ProcessState(torch.get_float32_matmul_precision, torch.set_float32_matmul_precision, "highest"),
    ProcessState(_deterministic, _set_deterministic),
    ProcessState(_cudnn, _set_cudnn),
    ProcessState(_cudnn_precision, _set_cudnn_precision, ("ieee", "ieee")),  # TensorFloat-32 would have 10 bits
    ProcessState(torch.is_anomaly_enabled, torch.autograd.set_detect_anomaly),
    ProcessState(_flushes_denormals, torch.set_flush_denormal),
    ProcessState(_numpy_numbers, _set_numpy_numbers),
    ProcessState(np.geterr, lambda value: np.seterr(**value)),
    ProcessState(random.getstate, random.setstate),
    ProcessState(lambda: list(warnings.filters), _set_filters),
    ProcessState(lambda: dict(os.environ), _set_environment),
    ProcessState(_folder, _set_folder),
    ProcessState(lambda: locale.setlocale(locale.LC_ALL), lambda value: locale.setlocale(locale.LC_ALL, value)),
    ProcessState(_handlers, _set_handlers),
    ProcessState(_alarm, _set_alarm),
    ProcessState(_logging, _set_logging),
    ProcessState(_streams, _set_streams),
    ProcessState(sys.getrecursionlimit, sys.setrecursionlimit),
    ProcessState(gc.isenabled, lambda value: gc.enable() if value else gc.disable()),
)
"""The state that is restored after a call into a component. Torch's random numbers are restored by ``seeded``."""
