"""Start of worker processes from scripts and notebooks, and how processes ended."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from typing import Any

_STARTING = threading.RLock()
"""Held while a process is started: threads would show each other the main script too early."""
FORKED = sys.platform == "linux"
"""Whether fresh processes are forks of a server process; forks are not safe on macOS, and Windows has none."""

SAFE_PATH = "PYTHONSAFEPATH"
"""The environment variable that keeps the current folder from an interpreter's search path."""


def start_fresh(
    target: Callable[..., object], *given: Any, preload: Sequence[str] = (), daemon: bool = False
) -> BaseProcess:
    """Start a function in a process that shares only the environment variables and the output with this one.

    On Linux, the first call starts a server process, and each process is a fork of that server. It starts in
    milliseconds, because the server has imported torch and the rest, which takes seconds. Other systems start a new
    interpreter for each process. Ctrl-C does not reach the processes on Linux.

    Args:
        target: A function of a module.
        given: Its arguments.
        preload: Modules that the server imports, besides that of the function, if this call starts the server.
        daemon: Whether to kill the process when this process ends.

    Returns:
        The running process.

    Example:
        >>> process = start_fresh(divmod, 7, 2)
        >>> process.join()
        >>> ending(process.exitcode)
        'exit code 0'
    """
    context = multiprocessing.get_context("forkserver") if FORKED else multiprocessing.get_context("spawn")
    process = context.Process(target=_in_environment, args=(dict(os.environ), target, given), daemon=daemon)
    with _STARTING, without_main_module(), _without_current_folder():
        start_server(target.__module__, *preload)
        process.start()
    return process


def start_server(*modules: str) -> None:
    """Start the server process whose forks fresh processes are, if there is none; only on Linux.

    Ctrl-C does not reach the server, since it would break its imports, and therefore none of its forks.

    Args:
        modules: Modules that the server imports.

    Example:
        >>> start_server("mia_bench.benchmark.interfaces")
    """
    if not FORKED:
        return
    from multiprocessing import forkserver, resource_tracker  # Windows has neither.

    with _without_current_folder():
        resource_tracker.ensure_running()  # Its start lets Ctrl-C through again.
        forkserver.set_forkserver_preload(list(modules))
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            forkserver.ensure_running()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


def die_with_parent() -> None:
    """End this process, whatever it is computing, when the process that started it ends. Return at once."""
    threading.Thread(target=_wait_for_end_of_parent, daemon=True).start()


def _wait_for_end_of_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _in_environment(environment: dict[str, str], target: Callable[..., object], given: tuple[Any, ...]) -> None:
    """Call a function; the environment variables may have changed since the server process was started."""
    os.environ.clear()
    os.environ.update(environment)
    target(*given)


@contextmanager
def _without_current_folder() -> Iterator[None]:
    """Prevent interpreters that are started in this block from importing modules of the current folder.

    They would run a file called ``random.py`` there in place of the standard library's module. Processes get the
    search path of this process when they are ready.
    """
    before = os.environ.get(SAFE_PATH)
    os.environ[SAFE_PATH] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[SAFE_PATH]
        else:
            os.environ[SAFE_PATH] = before


@contextmanager
def without_main_module() -> Iterator[None]:
    """Prevent processes that are started in this block from importing the main script.

    Worker processes need nothing from the main script, and a script without ``if __name__ == "__main__"`` would run
    again in each of them. Put only the start of the process into the block: libraries that look for the main script
    would not find it there.
    """
    main = sys.modules["__main__"]
    hidden = {name: vars(main)[name] for name in ("__file__", "__spec__") if vars(main).get(name) is not None}
    for name in hidden:
        setattr(main, name, None)
    try:
        yield
    finally:
        for name, value in hidden.items():
            setattr(main, name, value)


def ending(code: int | None) -> str:
    """Describe in words how a process ended, from its exit code.

    Example:
        >>> ending(-9)
        'killed by SIGKILL, as when memory runs out'
    """
    if code is not None and code < 0:
        name = signal.Signals(-code).name
        return f"killed by {name}" + (", as when memory runs out" if name == "SIGKILL" else "")
    return f"exit code {code}"
