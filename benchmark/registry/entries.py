"""Lookup of components by name: built-in files and entry points of installed packages, which are not imported."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.metadata import entry_points, version
from pathlib import Path
from typing import Literal

from ..errors import UsageError, similar
from .hints import hint

Kind = Literal["attacks", "defenses", "models", "datasets"]
OBJECT = "object"
"""The package of a class that is given as an object, in the column ``plugin_version``; its version is a hash."""
KINDS: tuple[Kind, ...] = ("attacks", "defenses", "models", "datasets")
PACKAGE = __name__.rsplit(".", 3)[0]
DISTRIBUTION = "mia-bench"

_HOME = Path(__file__).parents[2]
_FOLDERS = {"attacks": "attacks", "defenses": "defenses", "models": "models", "datasets": "benchmark/datasets"}


@dataclass(frozen=True)
class Entry:
    """One provider of a component's name.

    Attributes:
        kind: Kind of the component.
        name: Name that users write.
        target: Class in the form ``module:Class``.
        package: Distribution that provides the class.
        version: Version of that distribution.
        path: Source file of a built-in component, None for a plug-in.
        content: Hash of the code of a class that exists in this Python session alone. None if the class is installed.

    Example:
        >>> find("defenses", "dp_ir").target
        'mia_bench.defenses.dp_ir:DpIr'
    """

    kind: Kind
    name: str
    target: str
    package: str
    version: str
    path: Path | None = None
    content: str | None = None

    @property
    def foreign(self) -> bool:
        """Whether another package provides the component, or this Python session."""
        return self.package != DISTRIBUTION

    @property
    def noun(self) -> str:
        """The kind of the component in the singular."""
        return self.kind.removesuffix("s")

    @property
    def provided(self) -> str:
        """The component and its package, in words."""
        return f"{self.noun} {self.name!r} of package {self.package} {self.version}"

    def not_loaded(self, reason: object) -> str:
        """Return the message for a class that cannot be imported."""
        return f"The {self.provided} cannot be loaded: {str(reason).rstrip('.')}. Mend it or uninstall its package."


def providers(kind: Kind) -> dict[str, list[Entry]]:
    """Map each name to all entries that provide it, built-in files first, without importing the components."""
    found: dict[str, list[Entry]] = {}
    for entry in [*_built_in(kind), *_plug_ins(kind)]:
        known = found.setdefault(entry.name, [])
        if entry not in known:
            known.append(entry)
    return dict(sorted(found.items()))


def names(kind: Kind) -> list[str]:
    """Return all names of one kind, sorted.

    Example:
        >>> "dp_ir" in names("defenses")
        True
    """
    return list(providers(kind))


def find(kind: Kind, name: str) -> Entry:
    """Return the entry that provides a name.

    Raises:
        UsageError: If no package provides the name (the message suggests the nearest name), or several packages do.
    """
    known = providers(kind)
    if name not in known:
        raise UsageError(
            f"Unknown {kind.removesuffix('s')} {name!r}{suggestion(name, known)}{hint(kind, name)} "
            f"Available: {', '.join(known)}."
        )
    entries = known[name]
    if len(entries) > 1:
        owners = " and ".join(f"{entry.target} (package {entry.package} {entry.version})" for entry in entries)
        raise UsageError(
            f"The {entries[0].noun} {name!r} is provided twice, by {owners}. Uninstall one of the packages."
        )
    return entries[0]


def suggestion(word: str, known: Iterable[str]) -> str:
    """Return the end of a sentence about an unknown word: a period, and ``Did you mean 'x'?`` if one is similar.

    Example:
        >>> suggestion("dp_irr", ["dp_ir", "topk"]), suggestion("xyz", ["dp_ir"])
        (". Did you mean 'dp_ir'?", '.')
    """
    close = similar(word, known)
    return f". Did you mean {close[0]!r}?" if close else "."


@cache
def _built_in(kind: Kind) -> tuple[Entry, ...]:
    folder = _FOLDERS[kind]
    ours = version(DISTRIBUTION)
    return tuple(
        Entry(
            kind=kind,
            name=path.stem,
            target=f"{PACKAGE}.{folder.replace('/', '.')}.{path.stem}:{camel_case(path.stem)}",
            package=DISTRIBUTION,
            version=ours,
            path=path,
        )
        for path in sorted((_HOME / folder).glob("*.py"))
        if not path.stem.startswith("_")
    )


@cache
def _plug_ins(kind: Kind) -> tuple[Entry, ...]:
    return tuple(
        Entry(
            kind=kind,
            name=point.name,
            target=point.value,
            package=point.dist.name if point.dist else "unknown",
            version=point.dist.version if point.dist else "unknown",
        )
        for point in entry_points(group=f"{PACKAGE}.{kind}")
    )


def camel_case(name: str) -> str:
    """Convert snake case to camel case.

    Example:
        >>> camel_case("dp_ir")
        'DpIr'
    """
    return "".join(part.capitalize() for part in name.split("_"))
