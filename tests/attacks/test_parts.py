"""The parts of attacks that plug-ins are built from."""

import ast
import doctest
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

attacks = import_module("mia_bench.attacks")


@pytest.mark.parametrize("name", attacks.__all__)
def test_every_public_part_exists_and_its_example_works(name: str) -> None:
    part = getattr(attacks, name)
    module = import_module(part.__module__)

    assert "Example:" in (part.__doc__ or "")
    finder, runner = doctest.DocTestFinder(recurse=False), doctest.DocTestRunner()
    for example in finder.find(part, name, module, globs=dict(vars(module))):
        assert runner.run(example).failed == 0


def test_editors_are_given_the_same_names() -> None:
    tree = ast.parse(Path(str(attacks.__file__)).read_text(encoding="utf-8"))
    (typed,) = [node for node in tree.body if isinstance(node, ast.If)]
    imported = {alias.name for node in typed.body if isinstance(node, ast.ImportFrom) for alias in node.names}

    assert imported == set(attacks.__all__) == set(dir(attacks))


def test_an_unknown_part_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        attacks.nothing  # noqa: B018


def test_the_package_is_imported_without_torch() -> None:
    code = "import sys, mia_bench.attacks; sys.exit('torch' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
