"""Each check finds the fault it is for, and no other check takes it for its own."""

import re
import sys
from pathlib import Path

import pytest
import torch
from mia_bench import testing
from mia_bench.benchmark.checks import attacks, catalog

sys.path.append(str(Path(__file__).parent))  # worker processes import the components by this name
import planted


@pytest.mark.parametrize("component", planted.SOUND, ids=lambda component: component.__name__)
def test_a_component_without_fault_passes(component: type) -> None:
    found = testing.check(component)

    assert [str(outcome) for outcome in found if outcome.status == "failed"] == []
    assert sum(outcome.status == "ok" for outcome in found) >= 7


@pytest.mark.parametrize("component", planted.FAULTS, ids=lambda component: component.__name__)
def test_one_check_alone_finds_a_fault(component: type, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attacks, "PATIENCE", 3)
    if component is planted.Outside:
        monkeypatch.setitem(planted.OUTSIDE, "level", 1.0)
    name, words = planted.FAULTS[component]

    failed = {outcome.name: outcome.reason for outcome in testing.check(component) if outcome.status == "failed"}

    assert list(failed) == [name], failed
    assert re.search(words, failed[name])


def test_every_check_has_a_planted_fault() -> None:
    bodies = [*catalog.DECLARATION, *(body for group in catalog.BEHAVIOR.values() for body in group)]
    names = {body.__name__.replace("_", " ") for body in (*bodies, *catalog.REPETITION)}

    assert names == {name for name, _ in planted.FAULTS.values()}


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU, and no device needs to pretend")
def test_what_only_the_device_that_pretends_cannot_do_is_no_fault() -> None:
    found = {outcome.name: outcome for outcome in testing.check(planted.Picky)}

    assert found["runs on a gpu"].status == "skipped"
    assert "cannot do it (TypeError: plain tensors only)" in found["runs on a gpu"].reason


def test_all_faults_of_a_component_are_told_at_once() -> None:
    class Bad(planted.Idle):
        pass

    with pytest.raises(AssertionError, match=r"(?s)docstring: .*no docstring.*parameters change the result: idle"):
        testing.assert_contract(Bad)


def test_a_class_that_is_no_component_is_refused() -> None:
    with pytest.raises(TypeError, match="is no attack, defense, model or dataset"):
        testing.checks_of(planted.Noise())  # pyright: ignore[reportArgumentType]
