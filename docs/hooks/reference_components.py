"""Pages of attacks, defenses, models, datasets and suites, from their docstrings, fields and first lines."""

import inspect
from collections.abc import Iterator

from markdown_pages import docstring, table
from mia_bench.benchmark import registry
from mia_bench.benchmark.interfaces import Component
from mia_bench.benchmark.plan.built_in_suites import built_in, first_line
from mia_bench.benchmark.registry import Entry, Kind
from mia_bench.benchmark.registry.parameters import parameters

INTRODUCTIONS = {
    "attacks": "An attack gets the recorded wires, its own images, and whatever its access grants. `mia-bench run` "
    "uses the standard attacks; give the others by name: `--attack NAME`. "
    "[Who knows what](../explanation/threat-model.md) explains the access levels. Every attack takes `observations`, "
    "the number of recorded wires of each image.",
    "defenses": "A defense returns a protected copy of the split model. `mia-bench run --defense NAME` attacks it.",
    "models": "The names of a model's layers are its split points; `mia-bench show lenet5` lists them.",
    "datasets": "`mia-bench run --dataset NAME` chooses a dataset, and `--data-dir DIR` the folder of its files.",
}


def components_page(kind: Kind) -> str:
    """Return the page of one kind: a table of all names, then a section for each."""
    found = [(entry, registry.load(entry)) for entry in _built_in(kind)]
    rows = [(f"[`{entry.name}`](#{entry.name})", _summary(component), _fact(component)) for entry, component in found]
    header = ("name", "what it does", {"attacks": "access", "defenses": "guarantee"}.get(kind, ""))
    overview = table(header, rows) if header[2] else table(header[:2], [row[:2] for row in rows])
    sections = "\n".join(_section(entry, component) for entry, component in found)
    return f"# {kind.capitalize()}\n\n{INTRODUCTIONS[kind]}\n\n{overview}\n{sections}"


def suites_page() -> str:
    """Return the page of the built-in suites, with their files."""
    sections = [
        f"## `{name}` {{ #{name} }}\n\n{first_line(path)}\n\n```toml\n{path.read_text(encoding='utf-8').strip()}\n```\n"
        for name, path in built_in().items()
    ]
    introduction = (
        "A suite is a TOML file that describes a run. `mia-bench run NAME` starts a built-in suite. "
        "[Reproduce a paper](../guides/reproduce-a-paper.md) explains how to shorten one and how to write your own."
    )
    return f"# Suites\n\n{introduction}\n\n{suites_table('')}\n" + "\n".join(sections)


def suites_table(page: str = "../reference/suites.md") -> str:
    """Return a table of the built-in suites, with links to their sections."""
    rows = [(f"[`{name}`]({page}#{name})", first_line(path)) for name, path in built_in().items()]
    return table(("suite", "what it runs"), rows)


def _built_in(kind: Kind) -> Iterator[Entry]:
    for name in registry.names(kind):
        entry = registry.find(kind, name)
        if entry.package == registry.DISTRIBUTION:
            yield entry


def _summary(component: type[Component]) -> str:
    return (inspect.getdoc(component) or "").partition("\n")[0].replace("``", "`")


def _fact(component: type[Component]) -> str:
    return str(getattr(component, "access", None) or getattr(component, "guarantee", ""))


def _section(entry: Entry, component: type[Component]) -> str:
    facts = [f"{fact}: **{value}**" for fact in ("access", "guarantee") if (value := getattr(component, fact, None))]
    rows = parameters(component)
    fields = table(("parameter", "allowed", "default", "meaning"), rows) if rows else ""
    text = docstring(inspect.getdoc(component) or "")
    return f"## `{entry.name}` {{ #{entry.name} }}\n\n{', '.join(facts)}\n\n{text}\n\n{fields}\n"
