"""Each check finds the fault it is for, and no other check fails because of it."""

import re

import planted
import planted_attacks
import planted_defense_channels
import planted_defense_declarations
import planted_defense_promises
import planted_defense_states
import pytest
import sound_defenses
import torch
from mia_bench import testing
from mia_bench.attacks import _shadow
from mia_bench.benchmark.checks import attacks, catalog
from mia_bench.benchmark.checks.worker import Worker
from mia_bench.benchmark.interfaces import Defense
from mia_bench.defenses.dp_ir import DpIr
from mia_bench.defenses.secret_sharing import SecretSharing
from mia_bench.testing import PLACES, Lab, Outcome, checks_of, outcomes

PASSED = {
    "Sound": {"docstring", "answers", "wires", "guarantee is honest", "density is one", "rebuilt in a worker"},
    "Shorter": {"wires", "density is one", "distance leads to the truth", "wires can be merged"},
    "WholeNumbers": {"gradients reach the image", "distance leads to the truth", "wires can be merged"},
    "Coded": {"answers", "gradients reach the image", "distance leads to the truth", "wires can be merged"},
    "Decoder": {"docstring", "gives images", "reads the wire", "ends on a broken wire", "rebuilt in a worker"},
    "Net": {"docstring", "fits any images", "every layer is a split", "can be trained", "rebuilt in a worker"},
    "Numbers": {"docstring", "pools are sound", "pools are disjoint", "recommends a split", "rebuilt in a worker"},
}
"""Some checks that components without a fault must pass, so that they do not pass by being skipped."""


def found(component: type, worker: Worker) -> list[Outcome]:
    return list(outcomes(checks_of(component, lab=Lab(worker=worker))))


@pytest.mark.parametrize("component", planted.SOUND, ids=lambda component: component.__name__)
def test_a_component_without_fault_passes(component: type, worker: Worker) -> None:
    results = found(component, worker)

    assert [str(outcome) for outcome in results if outcome.status == "failed"] == []
    assert PASSED[component.__name__] <= {outcome.name for outcome in results if outcome.status == "ok"}


@pytest.mark.parametrize("component", planted.FAULTS, ids=lambda component: component.__name__)
def test_one_check_alone_finds_a_fault(component: type, worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attacks, "PATIENCE", 3)
    if component is planted_defense_states.Outside:
        monkeypatch.setitem(planted_defense_states.OUTSIDE, "level", 1.0)
    name, words = planted.FAULTS[component]

    failed = {outcome.name: outcome.reason for outcome in found(component, worker) if outcome.status == "failed"}

    assert list(failed) == [name], failed
    assert re.search(words, failed[name])


def test_a_parameter_without_effect_beside_a_given_one_is_a_remark_not_a_fault(worker: Worker) -> None:
    lab = Lab(worker=worker)
    (check,) = [
        check
        for check in checks_of(planted_defense_declarations.Idle(level=0.5), lab=lab)
        if check.name == "parameters change the result"
    ]

    (outcome,) = outcomes([check])

    assert (outcome.status, outcome.reason) == ("ok", "no effect of idle beside the given level")


def test_every_check_has_a_planted_fault() -> None:
    bodies = [*catalog.DECLARATION, *(body for group in catalog.BEHAVIOR.values() for body in group)]
    names = {body.__name__.replace("_", " ") for body in (*bodies, *catalog.REPETITION)}

    assert names == {name for name, _ in planted.FAULTS.values()} | {"runs on a gpu"}  # see test_devices.py


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a CUDA device")
def test_without_a_cuda_device_the_check_of_devices_is_skipped_and_says_so() -> None:
    (check,) = [check for check in checks_of(sound_defenses.Sound) if check.name == "runs on a gpu"]

    assert [str(outcome) for outcome in outcomes([check])] == ["skipped  runs on a gpu: There is no CUDA device."]


def test_an_epsilon_without_a_density_is_not_called_honest(worker: Worker) -> None:
    (check,) = [
        check
        for check in checks_of(planted_defense_promises.Untestable, lab=Lab(worker=worker))
        if check.name == "guarantee is honest"
    ]

    (outcome,) = outcomes([check])

    expected = "skipped  guarantee is honest: (0.01, 1e-05) cannot be tested without log_density."
    assert str(outcome) == expected


@pytest.mark.parametrize(
    ("defense", "said"),
    [
        (DpIr(), "none with these parameters; the class declares '(eps, delta)-local DP per release"),
        (SecretSharing(collude=True), "none: both servers collude (shares in Z_2^64, 16 fractional bits) with these "),
    ],
    ids=["dp_ir", "secret_sharing"],
)
def test_a_guarantee_that_depends_on_parameters_is_said_to_be_none_where_it_is(defense: Defense, said: str) -> None:
    (check,) = [each for each in checks_of(defense) if each.name == "guarantee is honest"]

    assert (check() or "").startswith(said)


def test_a_distance_may_be_negative() -> None:
    """A negative log-likelihood is, where the noise is small."""
    (check,) = [
        each for each in checks_of(planted_defense_channels.ScaledNoise) if each.name == "distance leads to the truth"
    ]

    assert check() is None


def test_all_faults_of_a_component_are_told_at_once() -> None:
    class Bad(planted_defense_declarations.Idle):
        pass

    with pytest.raises(AssertionError, match=r"(?s)docstring: .*no docstring.*parameters change the result: .*idle"):
        testing.assert_contract(Bad)


def test_a_parameter_that_changes_only_the_drawn_samples_has_an_effect() -> None:
    (check,) = [each for each in checks_of(planted_attacks.Sampled) if each.name == "parameters change the result"]

    assert check() is None


def test_an_attack_without_queries_is_checked_with_recorded_traffic() -> None:
    seen = Lab().observation(planted_attacks.Listener(), PLACES[0])

    assert seen.traffic is not None
    assert len(seen.traffic) >= _shadow.MIN_WIRES


def test_what_is_not_a_component_is_refused() -> None:
    with pytest.raises(TypeError, match="Expected an attack, a defense, a model or a dataset"):
        testing.checks_of(sound_defenses.Noise())  # pyright: ignore[reportArgumentType]


def test_a_defense_that_returns_nothing_is_named_as_that(worker: Worker) -> None:
    class Forgetful(sound_defenses.Sound):
        __doc__ = sound_defenses.Sound.__doc__

        def protect(self, model, train):
            return None

    (check,) = (each for each in checks_of(Forgetful(), lab=Lab(worker=worker)) if str(each) == "answers")
    with pytest.raises(TypeError, match=r"Expected protect to return a SplitModel, got NoneType. Return one."):
        check()
