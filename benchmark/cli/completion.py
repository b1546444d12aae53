"""Shell completion of components and suites, without importing torch."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from .. import registry
from ..registry import KINDS, Kind

Completions = list[tuple[str, str]]
"""Words with the line that describes them, where the shell shows one."""


def of_kind(kind: Kind) -> Callable[[str], Completions]:
    """Return a function that completes the last of one or several names of a kind, separated by commas."""

    def complete(incomplete: str) -> Completions:
        before, comma, last = incomplete.rpartition(",")
        return _starting_with(last, ((name, "") for name in registry.names(kind)), prefix=before + comma)

    return complete


def component(incomplete: str) -> Completions:
    """Complete the name of a component of any kind."""
    return _starting_with(incomplete, ((name, kind) for kind in KINDS for name in registry.names(kind)))


def template(incomplete: str) -> Completions:
    """Complete what a new component starts from."""
    from .new import TEMPLATES

    return _starting_with(incomplete, ((name, noun) for noun, names in TEMPLATES.items() for name in names))


def suite(incomplete: str) -> Completions:
    """Complete a built-in suite, or a TOML file."""
    from ..plan.built_in_suites import built_in, first_line

    folder, slash, _ = incomplete.rpartition("/")
    files = sorted(path.name for path in Path(folder or ".").glob("*.toml"))
    lines = {name: first_line(path) for name, path in built_in().items()}
    return _starting_with(incomplete, [*lines.items(), *((f"{folder}{slash}{name}", "") for name in files)])


def _starting_with(start: str, lines: Iterable[tuple[str, str]], *, prefix: str = "") -> Completions:
    return [(prefix + word, line) for word, line in lines if word.startswith(start)]
