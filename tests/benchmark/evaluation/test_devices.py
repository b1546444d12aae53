"""Everything that a cell needs is made where the cell is computed."""

from pathlib import Path
from typing import cast

import pytest
from mia_bench.benchmark.evaluation.artifacts import Artifacts
from mia_bench.benchmark.interfaces import Attack
from mia_bench.benchmark.plan.expansion import plan
from mia_bench.benchmark.plan.request import Request

from ...helpers.brief import shorten_training
from ...helpers.fake_device import fake_device
from ...helpers.trees import image_tree


@pytest.mark.filterwarnings("ignore:.*copying from a non-meta parameter:UserWarning")  # the pretended device is "meta"
def test_target_and_evaluator_are_trained_and_the_wire_is_sent_on_the_device(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shorten_training(monkeypatch)
    tree = image_tree(tmp_path / "images", train=12, test=4)
    request = Request(
        dataset="imagefolder:size=16", model="lenet5", splits=["relu1"], attacks=["ridge"], defenses=["quantize"]
    )
    cell = next(each for each in plan(request) if each.attack.name == "ridge")

    with fake_device() as device:
        artifacts = Artifacts(device=device, data_dir=tree)
        artifacts.prepare(cell.setting)
        evaluator = artifacts.evaluators.get(cell.setting.dataset)
        seen = artifacts.observe(cell.setting, cast(Attack, cell.attack.component))

    assert {parameter.device for parameter in evaluator.parameters()} == {device}
    assert seen.wire.tensor.device == device


@pytest.mark.filterwarnings("ignore:.*copying from a non-meta parameter:UserWarning")  # the pretended device is "meta"
@pytest.mark.parametrize("defense", ["tee", "secret_sharing", "feature_share:tuning_epochs=0"])
def test_labels_are_read_from_encoded_wires_on_the_device(
    defense: str, tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shorten_training(monkeypatch)
    tree = image_tree(tmp_path / "images", train=24, test=12)
    request = Request(
        dataset="imagefolder:size=16", model="lenet5", splits=["relu1"], attacks=["ridge"], defenses=[defense], images=4
    )
    setting = next(each for each in plan(request) if each.setting.defense.name != "undefended").setting

    with fake_device() as device:
        leak = Artifacts(device=device, data_dir=tree).attribute_leak(setting)

    assert leak is not None
    assert 0 <= leak.accuracy <= 1
