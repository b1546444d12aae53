"""Run ``mia-bench check``."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import time
from dataclasses import replace
from importlib import import_module
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import cast

from .. import registry
from ..checks.check import Outcome, outcomes
from ..errors import UsageError, describe, message_of
from ..interfaces import Component, Dataset
from ..plan.objects import BASES
from ..registry import Entry
from ..registry.literals import parse
from ..registry.specs import instantiate
from ..utils.spawn import die_with_parent, ending, start_fresh
from ..utils.texts import say
from .component_names import kinds_of

PRELOADED = "mia_bench.benchmark.checks.catalog"
"""What all checks import, and what takes long."""


def check(target: str, *, data_dir: Path | None) -> int:
    """Check what a name or ``module:Class`` stands for, and print one line for each check.

    The checks run in a process of their own, which the component may end.

    Args:
        target: ``NAME``, ``NAME:key=value,...`` or ``module.path:Class``.
        data_dir: Where a dataset finds its data.

    Returns:
        The exit code: 1 if a check failed, else 0.

    Raises:
        UsageError: If the component does not exist or cannot be created, or the files of a dataset are missing.
    """
    here, there = multiprocessing.Pipe(duplex=False)
    process = start_fresh(_check, there, Path.cwd(), target, data_dir, preload=[PRELOADED])
    there.close()
    try:
        return 1 if _relay(target, process, cast(Connection, here)) else 0
    finally:
        process.kill()
        process.join()
        here.close()


def _relay(target: str, process: BaseProcess, here: Connection) -> bool:
    """Print what the process reports. Return whether a check failed."""
    current = None
    try:
        while True:
            match here.recv():
                case "said", text:
                    say(text)
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
        say(str(Outcome(current, "failed", f"The component {how}, so the other checks were not carried out.")))
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
        for heading, component in _components(target):
            if isinstance(component, Dataset):
                component.load(data_dir)  # data that are not there are the user's affair
            there.send(("said", heading))
            failed |= _report(component, data_dir, there)
        there.send(("ended", failed))
    except UsageError as error:
        there.send(("refused", message_of(error)))


def _report(component: Component, data_dir: Path | None, there: Connection) -> bool:
    from ..checks.catalog import checks_of
    from ..checks.lab import Lab

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


def _components(target: str) -> list[tuple[str, Component]]:
    name, _, rest = target.partition(":")
    if rest and "=" not in rest:
        return [(target, _imported(name, rest))]
    name, params = parse(target)
    kinds = kinds_of(name, or_else="To check a class that is not installed, write module:Class.")
    entries = [registry.find(kind, name) for kind in kinds]
    return [(_heading(entry), instantiate(entry, params)) for entry in entries]


def _heading(entry: Entry) -> str:
    return f"{entry.noun} {entry.name} (package {entry.package} {entry.version})"


def _remedy(module: str, attribute: str, error: BaseException) -> str:
    """Return what to do about a class that cannot be imported."""
    if module in sys.modules:  # it has no such attribute
        own = [name for name, value in vars(sys.modules[module]).items() if isinstance(value, type)]
        return f"Name a class of the module{registry.suggestion(attribute, own)}"
    if isinstance(error, ModuleNotFoundError) and (error.name or "").partition(".")[0] == module.partition(".")[0]:
        written = f"Write {Path(module).stem}:{attribute}, and run" if module.endswith(".py") else "Run"
        return f"{written} the command in the folder of its module, or install its package."
    return f"Mend the module {module}."


def _imported(module: str, attribute: str) -> Component:
    """Return the component of a class that need not be installed. The current folder is searched first."""
    sys.path.insert(0, str(Path.cwd()))
    try:
        loaded = getattr(import_module(module), attribute)
    except (Exception, SystemExit) as error:
        raise UsageError(
            f"Expected a class that can be imported, got {module}:{attribute}, which raised "
            f"{describe(error).removesuffix('.')}. {_remedy(module, attribute, error)}"
        ) from error
    for kind, base in BASES.items():
        if isinstance(loaded, type) and issubclass(loaded, base):
            return instantiate(Entry(kind, attribute, f"{module}:{attribute}", module, "0"), {})
    raise UsageError(
        f"Expected a subclass of {', '.join(base.__name__ for base in BASES.values())}, got {module}:{attribute}, "
        f"which is {loaded!r}. Name such a class."
    )
