"""Declarations of components, read from their source text if possible, because an import would load torch.

``mia-bench rank`` names parameters that differ from their defaults. Importing the components to learn these defaults
takes three seconds of CPU time; reading them from the source takes a few milliseconds.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from pydantic_core import PydanticUndefined, to_jsonable_python

from ..errors import UsageError
from .entries import Entry, Kind, find
from .loading import load


@dataclass(frozen=True)
class Declaration:
    """Values that the class of a component declares.

    Attributes:
        defaults: Default of each parameter that has one, JSON-serializable, in the order of declaration.
        stronger_with: Parameters whose increase makes a defense stronger (1) or weaker (-1).

    Example:
        >>> declared("defenses", "quantize").stronger_with
        {'bits': -1}
    """

    defaults: Mapping[str, Any] = field(default_factory=dict)
    stronger_with: Mapping[str, int] = field(default_factory=dict)


def declared(kind: Kind, name: str) -> Declaration:
    """Return the declaration of a component. It is empty if the component is not installed or is broken.

    Args:
        kind: Kind of the component.
        name: Name of the component, possibly that of a plug-in that is not installed.

    Example:
        >>> declared("defenses", "topk").defaults
        {'kept': 0.1, 'tuning_epochs': 1}
    """
    try:
        return _declaration(find(kind, name))
    except UsageError:
        return Declaration()


@cache
def _declaration(entry: Entry) -> Declaration:
    if entry.path is not None:
        try:
            return _Source.read(entry.path).declaration(entry.target.partition(":")[2])
        except _Unclear:
            pass  # An import is necessary.
    loaded = load(entry)
    defaults = {
        name: each.get_default(call_default_factory=True, validated_data={})
        for name, each in loaded.model_fields.items()
    }
    return Declaration(
        {
            name: _as_float(to_jsonable_python(value), loaded.model_fields[name].annotation)
            for name, value in defaults.items()
            if value is not PydanticUndefined
        },
        getattr(loaded, "stronger_with", {}),
    )


class _Unclear(Exception):
    """Raised if a value cannot be read from the source text without executing it."""


@dataclass(frozen=True)
class _Source:
    """The source of a module: its imports, its classes and its constants, by name."""

    path: Path
    imports: Mapping[str, ast.ImportFrom]
    classes: Mapping[str, ast.ClassDef]
    values: Mapping[str, ast.expr]

    @classmethod
    @cache
    def read(cls, path: Path) -> _Source:
        """Parse a file."""
        try:
            body = ast.parse(path.read_text(encoding="utf-8")).body
        except (OSError, SyntaxError, ValueError) as error:
            raise _Unclear(str(error)) from error
        imports = {alias.name: node for node in body if isinstance(node, ast.ImportFrom) for alias in node.names}
        return cls(path, imports, {node.name: node for node in body if isinstance(node, ast.ClassDef)}, _assigned(body))

    def declaration(self, name: str) -> Declaration:
        """Return what a class of this module, or one that it imports, declares together with its bases."""
        if name not in self.classes:
            imported = self.imports.get(name)
            foreign = imported is not None and not imported.level  # ABC and BaseModel declare no parameter
            return Declaration() if foreign else self._imported(name).declaration(name)
        node = self.classes[name]
        defaults: dict[str, Any] = {}
        stronger_with: Mapping[str, int] = {}
        for base in reversed(node.bases):
            inherited = self.declaration(base.id) if isinstance(base, ast.Name) else Declaration()
            defaults |= inherited.defaults
            stronger_with = inherited.stronger_with or stronger_with
        for key, (value, annotation) in _parameters(node.body).items():
            if not _is_required(value):
                defaults[key] = _as_float(self._evaluate(value), annotation)
        own = _assigned(node.body).get("stronger_with")
        return Declaration(defaults, self._evaluate(own) if own else stronger_with)

    def _evaluate(self, node: ast.expr) -> Any:
        match node:
            case ast.Call(func=ast.Name(id="Field"), args=[default, *_]):
                return self._evaluate(default)
            case ast.Call(func=ast.Name(id="Field"), keywords=keywords):
                return self._evaluate(next((each.value for each in keywords if each.arg == "default"), node.func))
            case ast.Name(id=name) if name in self.values:
                return self._evaluate(self.values[name])
            case ast.Name(id=name):
                return self._imported(name)._evaluate(node)
            case ast.Attribute(value=ast.Name(id=owner), attr=name):
                source = self if owner in self.classes else self._imported(owner)
                return source._evaluate(_assigned(source.classes[owner].body).get(name, node.value))
        try:
            return to_jsonable_python(ast.literal_eval(node))
        except ValueError as error:
            raise _Unclear(ast.unparse(node)) from error

    def _imported(self, name: str) -> _Source:
        """Return the module of this package from which a name is imported."""
        node = self.imports.get(name)
        if node is None or not node.level or not node.module:
            raise _Unclear(name)
        module = self.path.parents[node.level - 1].joinpath(*node.module.split("."))
        return _Source.read(module / "__init__.py" if module.is_dir() else module.with_suffix(".py"))


def _assigned(body: list[ast.stmt]) -> dict[str, ast.expr]:
    """Return the values that are assigned to names."""
    found = {}
    for statement in body:
        match statement:
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                found[name] = value
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                found[name] = value
    return found


def _parameters(body: list[ast.stmt]) -> dict[str, tuple[ast.expr, str]]:
    """Return the value and the type of each parameter of a class: its annotated names that are not a ``ClassVar``."""
    found = {}
    for statement in body:
        match statement:
            case ast.AnnAssign(target=ast.Name(id=name), annotation=annotation, value=ast.expr() as value):
                if "ClassVar" not in ast.unparse(annotation):
                    found[name] = value, ast.unparse(annotation)
    return found


def _as_float(value: Any, annotation: object) -> Any:
    """Return a default as pydantic converts it: a whole number of a parameter of type ``float`` is a float."""
    return float(value) if type(value) is int and "float" in str(annotation) else value


def _is_required(value: ast.expr) -> bool:
    """Return whether a parameter has no default, as in ``Field(...)`` and ``Field(ge=0)``."""
    match value:
        case ast.Call(func=ast.Name(id="Field"), args=[ast.Constant(value=default), *_]):
            return default is ...
        case ast.Call(func=ast.Name(id="Field"), args=[], keywords=keywords):
            return not any(each.arg in ("default", "default_factory") for each in keywords)
    return False
