"""Targets: trained, cached, or with weights that are given."""

import logging
from collections import OrderedDict
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from mia_bench.benchmark.errors import UsageError
from mia_bench.benchmark.evaluation.artifacts import Artifacts
from mia_bench.benchmark.interfaces import Model
from mia_bench.benchmark.plan.cells import Setting
from mia_bench.benchmark.plan.expansion import plan
from mia_bench.benchmark.plan.request import Request
from mia_bench.benchmark.registry import Entry
from mia_bench.benchmark.registry.specs import ResolvedComponent
from mia_bench.benchmark.utils.seeding import seeded
from torch import nn

from ...helpers.trees import image_tree


class Given(Model):
    """Builds the same weights each time."""

    @property
    def given_weights(self) -> str | None:
        return "0123456789abcdef"

    def build(self, image_shape: tuple[int, int, int], classes: int) -> nn.Sequential:
        channels, height, width = image_shape
        with seeded("given"):
            return nn.Sequential(
                OrderedDict(
                    conv1=nn.Conv2d(channels, 4, 3, bias=False),
                    flatten=nn.Flatten(),
                    fc1=nn.Linear(4 * (height - 2) * (width - 2), classes),
                )
            )


class Tokens(nn.Module):
    """Looks up each number of an image in a table."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.table = nn.Embedding(256, 2)
        self.fc = nn.Linear(2, classes)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.fc(self.table((255 * images.flatten(1)).round().long()).mean(1))


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return image_tree(tmp_path_factory.mktemp("images") / "tree")


def artifacts(images: Path) -> Artifacts:
    return Artifacts(device=torch.device("cpu"), data_dir=images)


def setting(model: Any = None) -> Setting:
    request = Request(dataset="imagefolder:size=16", model="lenet5", splits=["conv1"], attacks=["ridge"], images=4)
    found = plan(request)[0].setting
    if model is None:
        return found
    entry = Entry(kind="models", name="given", target=f"{__name__}:Given", package="mia-bench", version="1")
    return replace(found, model=ResolvedComponent(entry, model))


def test_a_target_is_trained_once_and_then_comes_from_the_cache(
    images: Path, cache: Path, caplog: pytest.LogCaptureFixture
) -> None:
    place, first, second = setting(), artifacts(images), artifacts(images)
    assert not first.targets.is_ready(place)

    with caplog.at_level(logging.INFO, "mia_bench"):
        targets = [each.targets.get(place.dataset, place.model, 0) for each in (first, second)]

    assert caplog.messages == ["Training lenet5 on imagefolder:size=16 for 8 epochs."]
    assert second.targets.is_ready(place)
    weights, loaded = (each.state_dict() for each in targets)
    assert weights.keys() == loaded.keys()
    assert all(torch.equal(weights[name], loaded[name]) for name in weights)


def test_given_weights_are_neither_trained_nor_cached(
    images: Path, cache: Path, caplog: pytest.LogCaptureFixture
) -> None:
    place, made = setting(Given()), artifacts(images)
    made.check(place)

    with caplog.at_level(logging.INFO, "mia_bench"):
        target = made.targets.get(place.dataset, place.model, 0)

    assert made.targets.is_ready(place)
    assert set(made.needs(place)) == {"evaluators"}
    built = Given().build((3, 16, 16), 3).state_dict()
    assert target.layers.state_dict().keys() == built.keys()
    assert all(torch.equal(weight, built[name]) for name, weight in target.layers.state_dict().items())
    assert not target.training
    assert caplog.messages == []
    assert not (cache / "weights").exists()


def test_other_given_weights_are_another_target(images: Path) -> None:
    made, place = artifacts(images), setting(Given())
    other = type("Other", (Given,), {"given_weights": property(lambda self: "f" * 16)})()

    one, two = (made.targets.identity(place.dataset, each.model, 0) for each in (place, setting(other)))

    assert {name for name in one if one[name] != two[name]} == {"given"}


def test_a_network_that_is_trained_and_takes_plain_images_alone_is_told_how_to_get_them(images: Path) -> None:
    def structure(model: str) -> Any:
        request = Request(dataset="imagefolder:size=16", model=model, splits=["fc"], attacks=["ridge"], images=4)
        place = plan(request)[0].setting
        return artifacts(images).targets.structure(place.dataset, place.model)

    with pytest.raises(UsageError, match=r"It takes images in \[0, 1\], but .* Add mean=0,std=1 to the model\.$"):
        structure(f"python:build={__name__}:Tokens")

    assert "fc" in structure(f"python:build={__name__}:Tokens,mean=0,std=1").splits
