"""Run ``mia-bench new``."""

from __future__ import annotations

import ast
import keyword
import re
from collections.abc import Iterator
from pathlib import Path

from .. import registry
from ..errors import UsageError
from ..registry import KINDS
from ..utils.atomic_files import writing

_TEMPLATES = Path(__file__).parent / "templates"
_EXAMPLES = {
    "attack": "--attack my_component --defense dp_ir",
    "defense": "--defense my_component --attack ridge",
    "model": "--model my_component --split relu1 --defense dp_ir --attack ridge",
    "dataset": "--dataset my_component --defense dp_ir --attack ridge",
}
"""Options of a first run."""

TEMPLATES = {"defense": ("noise", "channel", "trained"), "attack": ("linear", "decoder", "inversion")}
"""What a new component of a kind starts from. The first is the default."""


def create(noun: str, name: str, out: Path | None, template: str | None = None) -> Path:
    """Write a package.

    Args:
        noun: ``attack``, ``defense``, ``model`` or ``dataset``.
        name: What users will write to choose it.
        out: The folder, which must not exist or be empty; None for ``mia-bench-NAME`` in the current folder.
        template: For a defense or an attack, one of its ``TEMPLATES``; None for the first.

    Returns:
        The folder.

    Raises:
        UsageError: If the name cannot be used, the folder is not empty, or it cannot be written; if a template is
            given that the kind does not have.
    """
    _check_template(noun, template)
    _check_name(noun, name, template)
    folder = out or Path(f"mia-bench-{name.replace('_', '-')}")
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise UsageError(f"Expected a new or empty folder, got {folder}. Nothing was written. Choose another --out.")
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        for file, content in files(noun, name, template).items():
            (folder / file).write_text(content, encoding="utf-8")
    return folder


def files(noun: str, name: str, template: str | None = None) -> dict[str, str]:
    """Return the files of a package, by name."""
    folder = _folder(noun, template)
    found = {
        "pyproject.toml": _TEMPLATES / "pyproject.toml",
        "README.md": _TEMPLATES / "README.md",
        f"mia_bench_{name}.py": folder / "module.py",
        f"test_mia_bench_{name}.py": next(path for path in _tests(folder) if path.exists()),
    }
    return {file: _filled(path.read_text(encoding="utf-8"), noun, name) for file, path in found.items()}


def _tests(folder: Path) -> tuple[Path, Path]:
    """Return where the test of a template may be: beside it, or one folder higher for all templates of a kind."""
    return folder / "test_module.py", folder.parent / "test_module.py"


def _filled(text: str, noun: str, name: str) -> str:
    text = text.replace("EXAMPLE", _EXAMPLES[noun]).replace("NOUN", noun)
    text = text.replace("MyComponent", registry.camel_case(name)).replace("my-component", name.replace("_", "-"))
    return text.replace("my_component", name)


def _folder(noun: str, template: str | None) -> Path:
    """Return the folder of the module and its test."""
    return _TEMPLATES / noun / (template or TEMPLATES[noun][0]) if noun in TEMPLATES else _TEMPLATES / noun


def _check_template(noun: str, template: str | None) -> None:
    names = TEMPLATES.get(noun, ())
    if template is None or template in names:
        return
    kind = "an attack" if noun == "attack" else f"a {noun}"
    if not names:
        raise UsageError(f"Expected no --template for {kind}, got {template}. Leave it out.")
    raise UsageError(
        f"Expected --template to be one of {', '.join(names)} for {kind}, got {template}. Choose another, or leave it "
        "out."
    )


def _check_name(noun: str, name: str, template: str | None) -> None:
    if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", name) or keyword.iskeyword(name):
        raise UsageError(
            f"Expected a Python identifier in snake_case that is not a keyword, such as my_noise, got {name!r}. "
            "Choose another name."
        )
    for kind in KINDS:
        for entry in registry.providers(kind).get(name, []):
            raise UsageError(
                f"Expected a name that is not in use, got {name!r}, which is the {entry.noun} {entry.target} of "
                f"package {entry.package} {entry.version}. Choose another name."
            )
    taken = set(_class_names(_folder(noun, template)))
    if registry.camel_case(name) in taken:
        raise UsageError(
            f"Expected a name whose class differs from {', '.join(sorted(taken))}, got {name!r} for the class "
            f"{registry.camel_case(name)}. Choose another name."
        )


def _class_names(folder: Path) -> Iterator[str]:
    """Names at the top of the module, but for that of the component."""
    for node in ast.parse((folder / "module.py").read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield from (alias.asname or alias.name for alias in node.names)
        elif isinstance(node, ast.ClassDef) and node.name != "MyComponent":
            yield node.name
