"""Every built-in component passes the checks that plug-ins are asked to pass, and follows the device of its input."""

from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import light
import pytest
from mia_bench.attacks.black_box import BlackBox
from mia_bench.benchmark import registry
from mia_bench.benchmark.checks import parameters
from mia_bench.benchmark.checks.effects import effects, scenes
from mia_bench.benchmark.checks.worker import Worker
from mia_bench.benchmark.interfaces import Component
from mia_bench.models._network import Network
from mia_bench.testing import Lab, checks_of, outcomes

from ...helpers.trees import image_tree
from .devices import assert_same_on_fake_device

QUICK_ATTACKS = {"mean_image", "nearest", "pinv", "ridge"}
SLOW_DEFENSES = {"adversarial", "ckks", "dp_input", "ensembler", "fisher", "secret_sharing"}
SLOW = {*registry.names("attacks"), *SLOW_DEFENSES, "cnn6", "inception", "vgg", "vit"} - QUICK_ATTACKS


def components() -> Iterator[Any]:
    for kind in ("attacks", "defenses", "models"):
        for name in registry.names(kind):
            entry = registry.find(kind, name)
            if entry.package == registry.DISTRIBUTION and not issubclass(registry.load(entry), Network):
                marks = [pytest.mark.slow] if name in SLOW else []
                yield pytest.param(registry.load(entry)(**light.LIGHT.get(name, {})), id=name, marks=marks)


class LightWorker(Worker):
    """A worker that lightens each of its processes, since their results are compared with those of this one."""

    def _connection(self) -> Connection:
        new = self._running is None
        connection = super()._connection()
        if new:
            self._answer(connection, light.lighten, (), None)
        return connection


@pytest.fixture(scope="module", autouse=True)
def lightened() -> Iterator[None]:
    """Lighten this process."""
    with pytest.MonkeyPatch.context() as patch:
        light.lighten(patch.setattr)
        yield


@pytest.fixture(scope="module", params=components())
def component(request: pytest.FixtureRequest) -> Component:
    return request.param


@pytest.fixture(scope="module")
def light_worker() -> Iterator[LightWorker]:
    with LightWorker() as worker:
        yield worker


@pytest.fixture(scope="module")
def lab(component: Component, light_worker: LightWorker) -> Lab:
    """The lab in which all tests of a component run, so that none computes its results again."""
    return Lab(worker=light_worker)


@pytest.fixture(autouse=True)
def time_on_a_slow_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the search for effects of parameters end by itself: which it finds must not depend on the processor."""
    monkeypatch.setattr(parameters, "ENOUGH_SECONDS", 300)


def faults(component: Component, lab: Lab) -> list[str]:
    """Checks that failed, or that had no time left for a parameter."""
    found = outcomes(checks_of(component, lab=lab))
    return [str(each) for each in found if each.status == "failed" or "no time was left" in each.reason]


def test_a_built_in_passes_its_checks(component: Component, lab: Lab) -> None:
    assert faults(component, lab) == []


def test_a_built_in_follows_the_device_of_its_input(component: Component, lab: Lab) -> None:
    assert_same_on_fake_device(component, lab)


def test_the_width_of_an_inverse_network_has_an_effect_at_a_place_that_is_tried() -> None:
    narrow, wide = (BlackBox(steps=10, batch_size=32, channels=channels) for channels in (2, 4))

    with Lab() as lab:
        seen = [not effects(narrow, lab, place).same(effects(wide, lab, place)) for place in scenes(narrow, lab)]

    assert any(seen)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["photos", "imagefolder"])
def test_a_built_in_dataset_passes_its_checks(name: str, tmp_path: Path, worker: Worker) -> None:
    params = {"size": 16} if name == "imagefolder" else {}
    data_dir = image_tree(tmp_path / "images") if name == "imagefolder" else None

    assert faults(registry.load(registry.find("datasets", name))(**params), Lab(data_dir=data_dir, worker=worker)) == []
