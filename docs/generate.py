"""Writes the pages that list components, from their own docstrings and fields, whenever the documentation is built."""

import inspect
from collections.abc import Iterator, Sequence

from mia_bench.benchmark import registry
from mia_bench.benchmark.interfaces import Component
from mia_bench.benchmark.plan.built_in_suites import built_in, first_line
from mia_bench.benchmark.registry import Entry, Kind
from mia_bench.benchmark.registry.parameters import parameters
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

INTRODUCTIONS = {
    "attacks": "Every attack is given the wire and images of its own, and what its access grants beside them. "
    "`mia-bench run` uses the standard ones; the others are used by name.",
    "defenses": "Every defense returns a protected copy of the split model. `mia-bench run --defense NAME` attacks it.",
}


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the generated pages."""
    for kind in ("attacks", "defenses"):
        page = f"# {kind.capitalize()}\n\n{INTRODUCTIONS[kind]}\n\n" + "\n".join(_sections(kind))
        files.append(File.generated(config, f"{kind}.md", content=page))
    models = "# Models and datasets\n\nThe names of a model's layers are its split points: `mia-bench show lenet5`.\n\n"
    models += "\n".join([*_sections("models"), *_sections("datasets")])
    files.append(File.generated(config, "models.md", content=models))
    return files


def on_page_markdown(markdown: str, **_: object) -> str:
    """Put the list of suites where a page asks for it."""
    suites = _table(("suite", "what it runs"), [(f"`{name}`", first_line(path)) for name, path in built_in().items()])
    return markdown.replace("<!-- suites -->", suites)


def _sections(kind: Kind) -> Iterator[str]:
    for name in registry.names(kind):
        entry = registry.find(kind, name)
        if entry.package == registry.DISTRIBUTION:
            yield _section(entry, entry.load())


def _section(entry: Entry, component: type[Component]) -> str:
    facts = [f"{fact}: **{value}**" for fact in ("access", "guarantee") if (value := getattr(component, fact, None))]
    documentation = (inspect.getdoc(component) or "").replace("``", "`")
    lines = parameters(component)
    table = _table(("parameter", "allowed", "default", "meaning"), [_escaped(line) for line in lines]) if lines else ""
    return f"## `{entry.name}`\n\n{', '.join(facts)}\n\n{documentation}\n\n{table}\n"


def _escaped(line: Sequence[str]) -> list[str]:
    return [cell.replace("|", "or").replace("<", "&lt;") for cell in line]


def _table(header: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    rows = [header, ["---"] * len(header), *lines]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows) + "\n"
