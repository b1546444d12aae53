"""Mistakes of authors who write their first component get a sentence that says what to do."""

import textwrap
from pathlib import Path
from typing import Any

import pytest
from mia_bench.testing import checks_of, outcomes
from typer.testing import Result

from ...helpers.commands import mia_bench

MODULE = '''
from dataclasses import replace
from typing import ClassVar

import torch
from mia_bench import Access, Attack, Channel, Defense
from torch import nn


class Noise(Channel):
    def __init__(self, width):
        self.width = width


class Mine(Defense):
    """Does something.

    Source: this test.
    """
'''
PROTECT = "def protect(self, model, train):\n"
REFUSED = {
    "a constructor of its own": (
        f"def __init__(self, width=1.0):\n    super().__init__()\n    self.width = width\n{PROTECT}    return model",
        "got a new value of self.width. Declare parameters as fields of the class, without __init__",
    ),
    "a method that is missing": ("", "Expected Mine to define protect, got a class without."),
    "a method that is misspelt": (
        "def protct(self, model, train):\n    return model.copy()",
        "Check the spelling of its methods",
    ),
    "a constructor that raises": (
        f"def __init__(self):\n    self._share = 1 / 0\n{PROTECT}    return model.copy()",
        "Expected Mine to be made from its parameters, got ZeroDivisionError",
    ),
    "a field without a type": (f"width = 1.0\n{PROTECT}    return model.copy()", "Mend the module mine."),
    "a type that is misspelt": ("width: flot = 1.0", "name 'flot' is not defined. Mend the module mine."),
}


def check(body: str, folder: Path, monkeypatch: pytest.MonkeyPatch, target: str = "mine:Mine") -> Result:
    (folder / "mine.py").write_text(MODULE + textwrap.indent(body, "    "))
    monkeypatch.chdir(folder)
    return mia_bench("check", target)


@pytest.mark.parametrize("name", REFUSED)
def test_a_class_that_cannot_be_made_is_refused_in_a_sentence(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    body, words = REFUSED[name]

    done = check(body, tmp_path, monkeypatch)

    assert done.exit_code == 2
    assert words in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


FAILED = {
    "return model.copy(), None": "Expected protect to return a SplitModel, got tuple.",
    "self.kept = {}": "got a new value of self.kept. Declare parameters as fields",
    "return replace(model.copy(), ir_channel=nn.Dropout())": "Expected ir_channel to be of type Channel, got Dropout.",
    "return replace(model.copy(), ir_channel=lambda sent: sent)": "of type Channel, got function.",
    "return replace(model.copy(), input_channel=Noise)": "of type Channel, got the class Noise.",
    "return replace(model.copy(), server=lambda sent: sent)": "Expected server to be of type Module, got function.",
    "return replace(model.copy(), ir_channel=Noise(2))": "Expected Noise.__init__ to call super().__init__() first",
    "model.ir_channel = Channel()": "cannot assign to field 'ir_channel'. Return a copy that dataclasses.replace makes",
}


@pytest.mark.parametrize("line", FAILED)
def test_a_defense_that_cannot_protect_says_what_to_do(line: str) -> None:
    names = dict[str, Any]()
    exec(MODULE + textwrap.indent(f"{PROTECT}    {line}", "    "), names)

    (answers,) = [check for check in checks_of(names["Mine"]()) if check.name == "answers"]
    (outcome,) = outcomes([answers])

    assert outcome.status == "failed"
    assert FAILED[line] in outcome.reason


def test_one_mistake_is_told_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = check(f"{PROTECT}    self.kept = {{}}", tmp_path, monkeypatch)

    failed = [each for each in done.stdout.splitlines() if each.startswith("failed")]
    assert done.exit_code == 1
    assert failed[0].startswith("failed   answers: ")
    assert {each.partition(": ")[2] for each in failed[1:-1]} == {"As above (answers)."}
    assert ".." not in done.stdout


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("mine:Mnie", "Name a class of the module. Did you mean 'Mine'?"),
        ("mine.py:Mine", "Write mine:Mine, and run the command in the folder of its module"),
        ("folder/mine.py:Mine", "Write mine:Mine, and run the command in the folder of its module"),
    ],
)
def test_a_class_that_is_not_there_is_told_how_to_name_it(
    target: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = check(f"{PROTECT}    return model.copy()", tmp_path, monkeypatch, target)

    assert done.exit_code == 2
    assert words in done.stderr


def test_an_attack_that_uses_what_its_access_does_not_grant_is_told_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    attack = "class Greedy(Attack):\n    access: ClassVar[Access] = Access.BLACK_BOX\n"
    attack += "    def reconstruct(self, seen):\n        return seen.client(seen.aux.images)\n"
    (tmp_path / "greedy.py").write_text(MODULE + f"    {PROTECT}        return model\n\n{attack}")
    monkeypatch.chdir(tmp_path)

    done = mia_bench("check", "greedy:Greedy")

    assert "With black_box access, an attack is not given client, layers, server, structure." in done.stdout
