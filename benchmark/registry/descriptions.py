"""Descriptions of components: from the source of built-in ones, and from the classes of plug-ins."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from ..errors import UsageError, clean
from .classes import import_class
from .entries import Entry


@dataclass(frozen=True)
class Summary:
    """One line of ``mia-bench list``.

    Attributes:
        entry: Provider of the component.
        facts: Literal class variables by name, such as ``access`` or ``guarantee``.
        line: First line of the docstring.
        broken: Why the component cannot be used, or None if it can.

    Example:
        >>> from mia_bench.benchmark.registry import find
        >>> describe_source(find("attacks", "ridge")).facts["access"]
        'black_box'
    """

    entry: Entry
    facts: dict[str, str]
    line: str
    broken: str | None = None


def describe_source(entry: Entry) -> Summary:
    """Describe a built-in component from its source text, since its import would import torch and take a second."""
    assert entry.path is not None
    class_name = entry.target.partition(":")[2]
    try:
        tree = ast.parse(entry.path.read_text(encoding="utf-8"))
    except SyntaxError as error:
        raise UsageError(f"{entry.path} is not valid Python: {error}. Correct it.") from error
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and node.name == class_name:
            return Summary(entry, _literals(node), (ast.get_docstring(node) or "").partition("\n")[0])
    raise UsageError(f"Expected a class {class_name} in {entry.path}, but it has none. Add or rename the class.")


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
        UsageError: If the plug-in cannot be imported, or is not of its kind.
    """
    loaded = import_class(entry)
    facts = {
        name: clean(str(getattr(loaded, name)))
        for name in ("access", "guarantee", "model", "split", "holds_object")
        if hasattr(loaded, name)
    }
    return Summary(entry, facts, clean(str(loaded.__doc__ or "").strip().partition("\n")[0]))
