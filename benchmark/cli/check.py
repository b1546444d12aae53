"""Run ``mia-bench check``."""

from __future__ import annotations

import sys
import time
from importlib import import_module
from pathlib import Path

import torch

from .. import registry
from ..checks.catalog import checks_of
from ..checks.check import Outcome, outcomes
from ..checks.lab import Lab
from ..errors import UsageError, describe
from ..interfaces import Attack, Component, Dataset, Defense, Model
from ..registry import Entry
from ..registry.literals import parse
from ..registry.specs import instantiate
from ..utils.texts import say
from .component_names import kinds_of


def check(target: str, *, data_dir: Path | None) -> int:
    """Check what a name or ``module:Class`` stands for, and print one line for each check.

    Args:
        target: ``NAME``, ``NAME:key=value,...`` or ``module.path:Class``.
        data_dir: where a dataset finds its data.

    Returns:
        The exit code: 1 if a check failed, else 0.

    Raises:
        UsageError: if there is no such component, it cannot be made, or a dataset lacks its data.
    """
    torch.set_num_threads(1)  # as in a worker process
    failed = False
    for heading, component in _components(target):
        if isinstance(component, Dataset):
            component.load(data_dir)  # data that are not there are the user's affair
        say(heading)
        failed |= _report(component, data_dir)
    return 1 if failed else 0


def _report(component: Component, data_dir: Path | None) -> bool:
    start, done = time.perf_counter(), list[Outcome]()
    with Lab(data_dir=data_dir) as lab:
        for outcome in outcomes(checks_of(component, lab=lab)):
            say(str(outcome))
            done.append(outcome)
    counts = [f"{sum(each.status == status for each in done)} {status}" for status in ("ok", "failed", "skipped")]
    say(f"{', '.join(counts)}, {time.perf_counter() - start:.1f} s")
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


def _imported(module: str, attribute: str) -> Component:
    """Return the component of a class that need not be installed. The current folder is searched first."""
    sys.path.insert(0, str(Path.cwd()))
    try:
        loaded = getattr(import_module(module), attribute)
    except (Exception, SystemExit) as error:
        raise UsageError(
            f"Expected a class that can be imported, got {module}:{attribute}, which raised "
            f"{describe(error).removesuffix('.')}. Run the command in the folder of its module, or install its package."
        ) from error
    kinds = {Attack: "attacks", Defense: "defenses", Model: "models", Dataset: "datasets"}
    for base, kind in kinds.items():
        if isinstance(loaded, type) and issubclass(loaded, base):
            return instantiate(Entry(kind, attribute, f"{module}:{attribute}", module, "0"), {})  # pyright: ignore[reportArgumentType]
    raise UsageError(
        f"Expected a subclass of {', '.join(base.__name__ for base in kinds)}, got {module}:{attribute}, "
        f"which is {loaded!r}."
    )
