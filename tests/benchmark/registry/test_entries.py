"""Names, nearest names, plug-ins that work, plug-ins that do not."""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import replace
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
from mia_bench.benchmark import registry
from mia_bench.benchmark.checks.every_component import parameters_are_documented, parameters_identify
from mia_bench.benchmark.checks.lab import Lab
from mia_bench.benchmark.checks.parameters import alternatives
from mia_bench.benchmark.cli import show as listing
from mia_bench.benchmark.errors import UsageError
from mia_bench.benchmark.interfaces import Defense, ImageSet, SplitModel
from mia_bench.benchmark.plan.expansion import attack_specs
from mia_bench.benchmark.plan.request import Request
from mia_bench.benchmark.registry import KINDS, Entry
from mia_bench.benchmark.registry import entries as entries_module
from mia_bench.benchmark.registry.literals import Text
from mia_bench.benchmark.registry.specs import ResolvedComponent, build
from mia_bench.benchmark.registry.summaries import summaries
from mia_bench.models.vgg import Vgg
from pydantic import Field
from torch import nn

ROOT = Path(__file__).parents[3]


def plug_in(name: str, target: str, package: str) -> Entry:
    return Entry(kind="defenses", name=name, target=target, package=package, version="1.0")


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> list[Entry]:
    """A list of plug-ins that the registry takes for installed."""
    entries: list[Entry] = []
    monkeypatch.setattr(entries_module, "_plug_ins", lambda kind: [entry for entry in entries if entry.kind == kind])
    return entries


@pytest.mark.parametrize("kind", KINDS)
def test_every_built_in_file_holds_a_class_of_its_kind_with_a_description(kind: registry.Kind) -> None:
    for summary in summaries(kind):
        assert summary.broken is None
        assert summary.line.endswith(".")
        assert registry.load(summary.entry).__name__ == registry.camel_case(summary.entry.name)


@pytest.mark.parametrize(("kind", "fact"), [("attacks", "access"), ("defenses", "guarantee")])
def test_what_is_read_from_the_source_is_what_the_class_says(kind: registry.Kind, fact: str) -> None:
    for summary in summaries(kind):
        assert summary.facts[fact] == str(getattr(registry.load(summary.entry), fact))


def test_an_unknown_name_suggests_the_nearest_and_lists_all() -> None:
    with pytest.raises(UsageError, match=r"Unknown defense 'dp_irr'. Did you mean 'dp_ir'\? Available: .*undefended"):
        registry.find("defenses", "dp_irr")


def test_two_providers_of_one_name_are_an_error_that_names_both(installed: list[Entry]) -> None:
    installed += [plug_in("twin", "a:Twin", "package-a"), plug_in("twin", "b:Twin", "package-b")]

    with pytest.raises(UsageError, match=r"'twin' is provided twice, by a:Twin .*package-a.* and b:Twin .*package-b"):
        registry.find("defenses", "twin")


def test_a_plug_in_cannot_replace_a_built_in(installed: list[Entry]) -> None:
    installed.append(plug_in("undefended", "a:Mine", "package-a"))

    with pytest.raises(UsageError, match=r"mia-bench .* and a:Mine"):
        registry.find("defenses", "undefended")


def test_a_broken_plug_in_is_listed_as_broken_and_disturbs_nothing_else(installed: list[Entry]) -> None:
    installed.append(plug_in("shaky", "module_that_is_not_there:Shaky", "package-a"))

    found = {summary.entry.name: summary for summary in summaries("defenses")}

    assert "ModuleNotFoundError" in str(found["shaky"].broken)
    assert found["dp_ir"].broken is None


def test_a_plug_in_that_exits_when_imported_is_listed_as_broken(
    installed: list[Entry], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "quitter.py").write_text("raise SystemExit('I quit')\n")
    monkeypatch.syspath_prepend(tmp_path)
    installed.append(plug_in("shaky", "quitter:Shaky", "package-a"))

    found = {summary.entry.name: summary for summary in summaries("defenses")}

    assert "SystemExit: I quit" in str(found["shaky"].broken)


def test_a_second_provider_of_a_standard_attack_is_an_error_and_does_not_drop_it(installed: list[Entry]) -> None:
    installed.append(replace(plug_in("ridge", "a:Mine", "package-a"), kind="attacks"))

    with pytest.raises(UsageError, match="'ridge' is provided twice"):
        attack_specs(Request())


@pytest.mark.parametrize(
    ("name", "threat", "cost"),
    [
        (
            "ridge",
            "may send any image through the protected client",
            r"on mnist, .*\(one core, median of timed cells\); the",
        ),
        (
            "query_free",
            "the server's weights and the client's structure, and may not query",
            "the column attack_seconds",
        ),
        ("dp_ir", "an honest but curious server", "to protect, .*; of one image, the columns wire_bytes"),
    ],
)
def test_show_tells_the_threat_model_and_the_cost(
    name: str, threat: str, cost: str, capsys: pytest.CaptureFixture[str]
) -> None:
    listing.show(name)

    lines = dict(line.split(": ", 1) for line in capsys.readouterr().out.splitlines() if line.count(": ") == 1)
    assert threat in lines["threat model"]
    assert re.search(cost, lines["cost"])


def test_show_says_which_images_a_model_cannot_take(
    installed: list[Entry], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def build(self: Vgg, image_shape: tuple[int, int, int], classes: int) -> nn.Sequential:
        raise KeyError("needs 64 px")

    monkeypatch.setattr(Vgg, "build", build)
    listing.show("vgg")

    assert "for images (3, 32, 32):\n  none: KeyError: 'needs 64 px'" in capsys.readouterr().out


def test_a_plug_in_of_the_wrong_kind_is_refused(installed: list[Entry]) -> None:
    installed.append(plug_in("path", "pathlib:Path", "package-a"))
    installed.append(plug_in("attack", "mia_bench.attacks.ridge:Ridge", "package-a"))

    with pytest.raises(UsageError, match="Expected a subclass of Defense, got the class Path for"):
        registry.load(registry.find("defenses", "path"))
    with pytest.raises(UsageError, match="got the class Ridge, which is one of Attack for"):
        registry.load(registry.find("defenses", "attack"))


@pytest.fixture
def not_yet_read() -> Iterator[None]:
    """The registry as in a new process, which has read no entry points."""
    entries_module._plug_ins.cache_clear()
    yield
    entries_module._plug_ins.cache_clear()


@pytest.mark.usefixtures("not_yet_read")
def test_entry_points_are_read_once_from_the_groups_of_the_design(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def entry_points(*, group: str) -> list[EntryPoint]:
        asked.append(group)
        return [EntryPoint("x", "m:X", group)]

    monkeypatch.setattr(entries_module, "entry_points", entry_points)

    assert all("x" in registry.names(kind) for kind in [*KINDS, *KINDS])
    assert asked == [f"mia_bench.{kind}" for kind in KINDS]


def test_every_package_folder_is_declared() -> None:
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    tracked = subprocess.run(["git", "ls-files", "*/__init__.py"], cwd=ROOT, text=True, capture_output=True, check=True)
    folders = {Path(line).parent for line in tracked.stdout.split() if not line.startswith(("tests/", "examples/"))}

    assert set(declared) == {"mia_bench", *(f"mia_bench.{'.'.join(folder.parts)}" for folder in folders)}


def test_importing_the_package_and_the_command_line_imports_no_torch() -> None:
    code = "import mia_bench, mia_bench.benchmark.cli, mia_bench.benchmark.cli.list, sys; print('torch' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", code], text=True, capture_output=True, check=True)

    assert result.stdout.strip() == "False"


@pytest.mark.slow
def test_no_file_uses_pickle() -> None:
    tracked = subprocess.run(["git", "ls-files", "*.py"], cwd=ROOT, text=True, capture_output=True, check=True)
    for name in tracked.stdout.split():
        imported = {
            alias.name
            for node in ast.walk(ast.parse((ROOT / name).read_text()))
            if isinstance(node, ast.Import | ast.ImportFrom)
            for alias in node.names
        }
        assert not imported & {"pickle", "joblib", "dill", "cloudpickle"}, name


class Aliased(Defense):
    """Has parameters with names that Python code cannot have.

    Source: none.
    """

    weight: float = Field(1.0, ge=0, le=9, alias="lambda", description="weight of the penalty")
    kept: frozenset[int] = Field(frozenset(), alias="kept-ones", description="what is kept")

    def protect(self, model: SplitModel, train: ImageSet) -> SplitModel:
        return model


def test_a_parameter_with_an_alias_has_one_name_in_labels_records_and_options() -> None:
    entry = plug_in("aliased", "x:Aliased", "package-a")
    made = ResolvedComponent(entry, build(entry, Aliased, {"lambda": Text("0.5"), "kept-ones": frozenset({2, 1})}))

    assert made.label.startswith("aliased:lambda=0.5,kept-ones=")
    assert made.component.params == '{"kept-ones":[1,2],"lambda":0.5}'
    assert Aliased.model_validate_json(made.component.params) == made.component
    for check in (parameters_are_documented, parameters_identify):
        check(made.component, Lab())
    assert alternatives(made.component, "weight")
