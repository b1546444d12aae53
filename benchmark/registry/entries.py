"""Names to classes: built-in files and entry points of installed packages, loaded only when used."""

from __future__ import annotations

import ast
import difflib
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points, version
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ..errors import UsageError, clean, describe

if TYPE_CHECKING:
    from ..interfaces import Component

Kind = Literal["attacks", "defenses", "models", "datasets"]
KINDS: tuple[Kind, ...] = ("attacks", "defenses", "models", "datasets")
PACKAGE = __name__.rsplit(".", 3)[0]
DISTRIBUTION = "mia-bench"

_HOME = Path(__file__).parents[2]
_FOLDERS = {"attacks": "attacks", "defenses": "defenses", "models": "models", "datasets": "benchmark/datasets"}
_BASES = {"attacks": "Attack", "defenses": "Defense", "models": "Model", "datasets": "Dataset"}
_ATTRIBUTES: dict[Kind, tuple[tuple[str, type | str], ...]] = {
    "attacks": (("access", "Access"), ("standard", bool)),
    "defenses": (("guarantee", str),),
    "datasets": (("model", str), ("split", str), ("training", "Training")),
}
"""Class variables that a component must have, beside its version; types are named where importing them takes long."""


@dataclass(frozen=True)
class Entry:
    """One provider of one name.

    Attributes:
        kind: the registry it belongs to.
        name: what users write.
        target: ``module:Class``.
        package: the distribution that provides it.
        version: that distribution's version.
        path: source file of a built-in, None for a plug-in.
    """

    kind: Kind
    name: str
    target: str
    package: str
    version: str
    path: Path | None = None

    @property
    def foreign(self) -> bool:
        """Whether a plug-in provides it."""
        return self.package != DISTRIBUTION

    @property
    def noun(self) -> str:
        """The kind in the singular."""
        return self.kind.removesuffix("s")

    @property
    def provided(self) -> str:
        """The component and its package, in words."""
        return f"{self.noun} {self.name!r} of package {self.package} {self.version}"

    def load(self) -> type[Component]:
        """Import the class; a plug-in only after a process of its own has imported it.

        Raises:
            UsageError: if it cannot be imported, or is not of its kind.
        """
        if self.path is None:
            from ..utils.isolation import restored_state
            from .inspection import broken

            if reason := broken(self):
                raise UsageError(reason)
            with restored_state():
                return self.load_here()
        return self.load_here()

    def load_here(self) -> type[Component]:
        """Import the class in this process, whatever that does to it.

        Raises:
            UsageError: if it cannot be imported, or is not of its kind.
        """
        module, _, attribute = self.target.partition(":")
        try:
            loaded = getattr(import_module(module), attribute)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            raise UsageError(f"{self.provided} cannot be loaded: {describe(error)}") from error
        interfaces = import_module(f"{PACKAGE}.benchmark.interfaces")
        base = getattr(interfaces, _BASES[self.kind])
        if not (isinstance(loaded, type) and issubclass(loaded, base)):
            raise UsageError(
                f"{self.provided} is {clean(object.__repr__(loaded))}; expected a subclass of {base.__name__}"
            )
        for name, kind in (("version", int), *_ATTRIBUTES.get(self.kind, ())):
            allowed = getattr(interfaces, kind) if isinstance(kind, str) else kind
            if not isinstance(getattr(loaded, name, None), allowed):
                raise UsageError(
                    f"{self.provided} has no class variable {name!r} of type {allowed.__name__}. Set it as in "
                    f"`{name}: ClassVar[{allowed.__name__}] = ...`"
                )
        return loaded


def providers(kind: Kind) -> dict[str, list[Entry]]:
    """Map each name to all who provide it, built-in files first, without importing anything."""
    found: dict[str, list[Entry]] = {}
    for entry in [*_built_in(kind), *_plug_ins(kind)]:
        known = found.setdefault(entry.name, [])
        if entry not in known:
            known.append(entry)
    return dict(sorted(found.items()))


def names(kind: Kind) -> list[str]:
    """All names of one kind, sorted."""
    return list(providers(kind))


def find(kind: Kind, name: str) -> Entry:
    """Look up who provides a name.

    Raises:
        UsageError: if nobody does (with the nearest name), or several do (naming all).
    """
    known = providers(kind)
    if name not in known:
        raise UsageError(
            f"there is no {kind.removesuffix('s')} {name!r}{nearest(name, known)}; known: {', '.join(known)}"
        )
    entries = known[name]
    if len(entries) > 1:
        owners = " and ".join(f"{entry.target} (package {entry.package} {entry.version})" for entry in entries)
        raise UsageError(f"{entries[0].noun} {name!r} is provided twice, by {owners}; uninstall one of the packages")
    return entries[0]


def nearest(word: str, known: object) -> str:
    """The clause ``; did you mean 'x'?``, or nothing when no known word is near."""
    guess = suggestion(word, known)
    return f"; did{guess.removeprefix('. Did')}" if guess != "." else ""


def suggestion(word: str, known: object) -> str:
    """Return the end of a sentence about an unknown word: a period, and ``Did you mean 'x'?`` if one is similar.

    Example:
        >>> suggestion("dp_irr", ["dp_ir", "topk"]), suggestion("xyz", ["dp_ir"])
        (". Did you mean 'dp_ir'?", '.')
    """
    close = difflib.get_close_matches(word, [str(each) for each in known], 1)  # pyright: ignore[reportGeneralTypeIssues]
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
    """``dp_ir`` to ``DpIr``."""
    return "".join(part.capitalize() for part in name.split("_"))


@dataclass(frozen=True)
class Summary:
    """One line of ``list``.

    Attributes:
        entry: who provides it.
        facts: literal class variables, such as ``access`` or ``guarantee``.
        line: the first line of the docstring.
        broken: why it cannot be used, or None.
    """

    entry: Entry
    facts: dict[str, str]
    line: str
    broken: str | None = None


def summaries(kind: Kind) -> list[Summary]:
    """Describe everything of one kind; a broken plug-in is described as broken and disturbs nothing else."""
    from .inspection import inspected

    described = []
    for entries in providers(kind).values():
        for entry in entries:
            try:
                find(kind, entry.name)
                described.append(_read(entry) if entry.path else inspected(entry))
            except UsageError as error:
                described.append(Summary(entry, {}, "", broken=str(error)))
    return described


def _read(entry: Entry) -> Summary:
    """Describe a built-in from its source text: importing it would import torch, which takes a second."""
    assert entry.path is not None
    class_name = entry.target.partition(":")[2]
    try:
        tree = ast.parse(entry.path.read_text(encoding="utf-8"))
    except SyntaxError as error:
        raise UsageError(f"{entry.path} is not valid Python: {error}") from error
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and node.name == class_name:
            return Summary(entry, _literals(node), (ast.get_docstring(node) or "").partition("\n")[0])
    raise UsageError(f"{entry.path} has no class {class_name}")


def _literals(node: ast.ClassDef) -> dict[str, str]:
    facts = {}
    for statement in node.body:
        match statement:
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.Constant(value=value)):
                facts[name] = str(value)
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.Attribute(attr=member)):
                facts[name] = member.lower()
    return facts


def describe_loaded(entry: Entry) -> Summary:
    """Describe a plug-in by importing it in this process.

    Raises:
        UsageError: if it cannot be imported, or is not of its kind.
    """
    loaded = entry.load_here()
    facts = {
        name: clean(str(getattr(loaded, name)))
        for name in ("access", "guarantee", "model", "split")
        if hasattr(loaded, name)
    }
    return Summary(entry, facts, clean(str(loaded.__doc__ or "").strip().partition("\n")[0]))
