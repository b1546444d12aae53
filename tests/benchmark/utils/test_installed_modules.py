"""Which modules a function imports."""

import sys
import types
from pathlib import Path

import pytest
from mia_bench.benchmark.utils.installed_modules import code_imported_by

HELD = """
    from held_out_package import part as renamed
    import held_out_package.inner.deepest
    import numpy, torch.nn, not_there, json
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package that cannot be executed, on the path."""
    files = {
        "__init__.py": "raise SystemExit('executed')",
        "part.py": "from . import other\nfrom .inner import deepest",
        "other.py": "import xml",
        "inner/__init__.py": "1 / 0",
        "inner/deepest.py": "import held_out_package.part",
        "unused.py": "",
    }
    for name, text in files.items():
        (tmp_path / "held_out_package" / name).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / "held_out_package" / name).write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path / "held_out_package"


def _function(body: str) -> types.FunctionType:
    found: dict = {}
    exec(f"def build(given=None):\n{body}", found)
    return found["build"]


def test_imports_are_found_in_functions_with_many_names_and_constants(package: Path) -> None:
    attributes = "\n".join(f"    given.name{number}; {number + 1000}.5" for number in range(300))
    function = _function(f"{attributes}\n    _ = {list(range(2000, 2300))}\n    from held_out_package import other\n")

    assert list(code_imported_by(function)) == ["held_out_package", "held_out_package.other"]


def test_local_modules_are_read_with_those_that_they_import_and_not_executed(package: Path) -> None:
    found = code_imported_by(_function(HELD))

    inner = [f"held_out_package.{name}" for name in ("inner", "inner.deepest", "other", "part")]
    assert list(found) == ["held_out_package", *inner]
    assert not any(name.startswith("held_out_package") for name in sys.modules)


def test_the_code_of_an_imported_module_changes_with_its_file(package: Path) -> None:
    before = code_imported_by(_function(HELD))
    (package / "other.py").write_text("import xml.dom")

    after = code_imported_by(_function(HELD))

    assert [name for name in after if after[name] != before[name]] == ["held_out_package.other"]


@pytest.mark.parametrize("text", ["def build(:", "\0", "# coding: nonsense"])
def test_a_file_that_is_no_python_is_left_out(package: Path, text: str) -> None:
    (package / "other.py").write_text(text)

    assert "held_out_package.other" not in code_imported_by(_function(HELD))


def test_a_relative_import_outside_a_package_is_left_out(package: Path) -> None:
    function = _function("    from . import part\n    from ..far import away\n")
    function.__globals__["__package__"] = ""

    assert code_imported_by(function) == {}


def test_a_module_made_by_hand_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    module = types.ModuleType("made_by_hand")
    monkeypatch.setitem(sys.modules, "made_by_hand", module)

    assert code_imported_by(_function("    import made_by_hand.part\n")) == {}
