"""The page of the Python API, from signatures and docstrings."""

import inspect
from typing import Any

import mia_bench
import mia_bench.attacks
import mia_bench.testing
from markdown_pages import docstring, table

GROUPS = {
    "Run and read": ("run", "Result", "leak", "Leak", "rank", "plot"),
    "Metrics and errors": ("psnr", "ssim", "UsageError", "Inapplicable"),
    "Write components": ("Attack", "Defense", "Model", "Dataset", "Component", "Channel", "Promise", "Access"),
    "Train a defense": ("train_jointly", "tune_server"),
    "Data of an attack": (
        "Observation",
        "Reconstruction",
        "Wire",
        "ImageSet",
        "Pools",
        "SplitModel",
        "Exchange",
        "Target",
    ),
}
TESTING = ("checks_of", "check", "assert_contract")


def python_page() -> str:
    """Return the page: a section for each public name."""
    groups = dict(GROUPS)
    known = {name for names in groups.values() for name in names}
    groups["More"] = tuple(name for name in mia_bench.__all__ if name not in known and not name.startswith("__"))
    parts = [
        "# Python",
        "All names are attributes of `mia_bench` and load on first use. "
        "[Use a notebook](../guides/notebook.md) shows them at work.",
    ]
    for title, names in groups.items():
        if names:
            rows = [
                (f"[`{name}`](#{name.lower()})", _text(getattr(mia_bench, name)).partition("\n")[0]) for name in names
            ]
            parts += [f"## {title}", table(("name", "what it is"), rows)]
            parts += [_section(name, getattr(mia_bench, name)) for name in names]
    parts.append(
        f"## mia_bench.attacks {{ #mia_bench.attacks }}\n\n{docstring(inspect.getdoc(mia_bench.attacks) or '')}"
    )
    parts += [_section(name, getattr(mia_bench.attacks, name)) for name in mia_bench.attacks.__all__]
    parts += [
        "## mia_bench.testing",
        docstring(inspect.getdoc(mia_bench.testing) or "").replace("\n    ", "\n        "),
    ]
    parts += [_section(name, getattr(mia_bench.testing, name)) for name in TESTING]
    return "\n\n".join(parts) + "\n"


def _section(name: str, thing: Any) -> str:
    parts = [f"### `{name}` {{ #{name.lower()} }}"]
    if inspect.isfunction(thing):
        parts.append(f"```python\n{name}{_signature(thing)}\n```")
    parts.append(docstring(_text(thing)))
    if inspect.isclass(thing):
        parts += [
            _method(attribute, member) for attribute, member in vars(thing).items() if _is_public(attribute, member)
        ]
    return "\n\n".join(parts)


def _method(name: str, member: Any) -> str:
    function = member.fget if isinstance(member, property) else getattr(member, "__func__", member)
    signature = "" if isinstance(member, property) else _signature(function)
    return f"#### `{name}{signature}`\n\n{docstring(_text(function))}"


def _is_public(name: str, member: Any) -> bool:
    function = member.fget if isinstance(member, property) else getattr(member, "__func__", member)
    return not name.startswith("_") and inspect.isfunction(function) and bool(function.__doc__)


def _signature(function: Any) -> str:
    signature = str(inspect.signature(function))
    return signature.replace("(", "(\n    ", 1).replace(", ", ",\n    ") if len(signature) > 100 else signature


def _text(thing: Any) -> str:
    return (inspect.getdoc(thing) or "").replace("``", "`")
