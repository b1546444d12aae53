"""Defenses that send something other than a wire, or what their server cannot take, fail with a sentence."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from mia_bench import Channel, Defense, ImageSet, SplitModel
from mia_bench.benchmark.evaluation.artifacts import Artifacts
from mia_bench.benchmark.evaluation.evaluate import evaluate
from mia_bench.benchmark.plan.cells import Cell
from mia_bench.benchmark.registry import Entry
from mia_bench.benchmark.registry.specs import ResolvedComponent, resolve
from mia_bench.benchmark.utils.cache import digest
from torch import Tensor

from ...helpers.cells import setting


class Given(Channel):
    """Sends what a test says."""

    def __init__(self, act: Callable[[Tensor], Any]) -> None:
        super().__init__()
        self.act = act

    def forward(self, value: Tensor) -> Tensor:
        return self.act(value)


def reason(bench: Artifacts, act: Callable[[Tensor], Any]) -> str:
    class Sends(Defense):
        """Sends what a test says."""

        def protect(self, model: SplitModel, train: ImageSet) -> SplitModel:
            return replace(model.copy(), ir_channel=Given(act))

    entry = Entry(kind="defenses", name="sends", target="t:Sends", package="third-party", version="7")
    protected = replace(setting(bench), defense=ResolvedComponent(entry, Sends()))
    return evaluate(Cell(protected, resolve("attacks", "mean_image", {})), digest("some-cell"), bench)[0].row.reason


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (lambda value: value[:1], "InvalidWire: Expected 4 entries, one for each image, got a tensor (1, 8, 12, 12)."),
        (lambda value: value * float("nan"), "InvalidWire: Expected finite numbers on the wire, got NaN or infinity."),
        (lambda value: value.numpy(), "InvalidWire: Expected a channel that returns a tensor, got ndarray."),
        (lambda value: None, "InvalidWire: Expected a channel that returns a tensor, got NoneType."),
        (lambda value: value[:, :2], "a server that takes what is sent, torch.float32 (2, 12, 12) for each image: "),
        (lambda value: value.double(), "a server that takes what is sent, torch.float64 (8, 12, 12) for each image: "),
    ],
)
def test_what_is_no_wire_is_named(bench: Artifacts, act: Callable[[Tensor], Any], words: str) -> None:
    assert words in reason(bench, act)


def test_an_error_with_a_tensor_shows_its_shape_alone(bench: Artifacts) -> None:
    def fail(value: Tensor) -> Tensor:
        raise ValueError(value)

    assert reason(bench, fail) == "ValueError: Tensor (4, 8, 12, 12) torch.float32"
    assert torch.get_default_dtype() is torch.float32
