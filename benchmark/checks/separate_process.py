"""Check a component in a separate process, which the component may end."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import cast

from ..errors import UsageError, message_of
from ..interfaces import Component, Dataset
from ..utils.spawn import die_with_parent, ending, start_fresh
from .check import Outcome, outcomes
from .named_components import named_components

PRELOADED = "mia_bench.benchmark.checks.catalog"
"""What all checks import, and what takes long."""


def check_separately(target: str, *, data_dir: Path | None, tell: Callable[[str], None]) -> bool:
    """Check what a name or ``module:Class`` stands for.

    Args:
        target: As for ``named_components``.
        data_dir: Where a dataset finds its data.
        tell: Is called with each line of the result as soon as it is known: one for each check.

    Returns:
        Whether a check failed.

    Raises:
        UsageError: If the component does not exist or cannot be created, or the files of a dataset are missing.
    """
    here, there = multiprocessing.Pipe(duplex=False)
    process = start_fresh(_check, there, Path.cwd(), target, data_dir, preload=[PRELOADED])
    there.close()
    try:
        return _relay(target, process, cast(Connection, here), tell)
    finally:
        process.kill()
        process.join()
        here.close()


def _relay(target: str, process: BaseProcess, here: Connection, tell: Callable[[str], None]) -> bool:
    """Tell what the process reports. Return whether a check failed."""
    current = None
    try:
        while True:
            match here.recv():
                case "said", text:
                    tell(text)
                case "began", current:
                    pass
                case "refused", sentence:
                    raise UsageError(sentence)
                case _, failed:
                    return failed
    except (EOFError, ConnectionError) as error:
        process.join()
        how = f"ended the process ({ending(process.exitcode)})"
        if current is None:
            raise UsageError(
                f"Expected a component that can be checked, got {target}, which {how}. Remove what ends it."
            ) from error
        tell(str(Outcome(current, "failed", f"The component {how}, so the other checks were not carried out.")))
        return True


def _check(there: Connection, folder: Path, target: str, data_dir: Path | None) -> None:
    """Carry out the checks in this process, and report what they find."""
    import torch

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # The parent is interrupted as well, and ends this process.
    die_with_parent()
    os.chdir(folder)
    torch.set_num_threads(1)  # as in a worker process
    failed = False
    try:
        for heading, component in named_components(target):
            if isinstance(component, Dataset):
                component.load(data_dir)  # data that are not there are the user's affair
            there.send(("said", heading))
            failed |= _report(component, data_dir, there)
        there.send(("ended", failed))
    except UsageError as error:
        there.send(("refused", message_of(error)))


def _report(component: Component, data_dir: Path | None, there: Connection) -> bool:
    from .catalog import checks_of
    from .lab import Lab

    start, done, told = time.perf_counter(), list[Outcome](), dict[str, str]()
    with Lab(data_dir=data_dir) as lab:
        for check in checks_of(component, lab=lab):
            there.send(("began", check.name))
            for outcome in outcomes([check]):
                done.append(outcome)
                first = told.setdefault(outcome.reason, check.name) if outcome.status == "failed" else check.name
                said = outcome if first == check.name else replace(outcome, reason=f"As above ({first}).")
                there.send(("said", str(said)))
    counts = [f"{sum(each.status == status for each in done)} {status}" for status in ("ok", "failed", "skipped")]
    there.send(("said", f"{', '.join(counts)}, {time.perf_counter() - start:.1f} s"))
    return any(each.status == "failed" for each in done)
