"""What becomes of a cell whose attack, defense, dataset or model misbehaves."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from mia_bench.benchmark.errors import Inapplicable, UsageError
from mia_bench.benchmark.evaluation.artifacts import Artifacts
from mia_bench.benchmark.interfaces import Observation, Reconstruction, SplitModel
from mia_bench.benchmark.leaderboard.results_folder import record_path
from mia_bench.benchmark.leaderboard.store import read_record, write_record
from mia_bench.benchmark.registry.specs import ResolvedComponent
from mia_bench.defenses.dp_ir import DpIr
from mia_bench.models.lenet5 import Lenet5
from torch import Tensor

from ...helpers.cells import gray, outcome, setting


def explode(seen: Observation) -> Tensor:
    raise RuntimeError("boom\nin two lines")


def decline(seen: Observation) -> Tensor:
    raise Inapplicable("not here")


MISBEHAVIOR = {
    "raises": (explode, "failed", "RuntimeError: boom in two lines"),
    "has no meaning": (decline, "inapplicable", "not here"),
    "wrong count": (
        lambda seen: gray(seen)[1:],
        "failed",
        "Expected images (4, 3, 16, 16) from the attack, got (3, 3, 16, 16)",
    ),
    "no tensor": (lambda seen: None, "failed", "got NoneType"),
    "nan": (lambda seen: gray(seen) * torch.nan, "failed", "Expected finite values in [0, 1]"),
    "bad member": (
        lambda seen: Reconstruction(gray(seen), "a", {"a": gray(seen), "b": gray(seen)[1:]}),
        "failed",
        "Expected images (4, 3, 16, 16) from the attack, got (3, 3, 16, 16)",
    ),
    "out of range": (
        lambda seen: gray(seen) * 3,
        "failed",
        "Expected finite values in [0, 1] from the attack, got values in [1.5, 1.5]",
    ),
}


@pytest.mark.parametrize(("act", "status", "reason"), MISBEHAVIOR.values(), ids=MISBEHAVIOR)
def test_a_misbehaving_attack_is_a_row_with_its_reason_and_no_score(
    act: Callable[[Observation], Any], status: str, reason: str, bench: Artifacts
) -> None:
    row = outcome(bench, act).row

    assert row.status == status
    assert reason in row.reason
    assert (row.psnr_db, row.ssim, row.recognisable) == (None, None, None)
    assert row.accuracy is not None


def tell(monkeypatch: pytest.MonkeyPatch, told: Any) -> None:
    """Have ``dp_ir`` give a model with these details."""

    class Telling(SplitModel):
        def details(self, images: Tensor, labels: Tensor, logits: Tensor) -> dict[str, float]:
            return told

    monkeypatch.setattr(DpIr, "protect", lambda self, model, train: Telling(client=model.client, server=model.server))


def test_what_a_defense_cannot_tell_as_a_number_is_left_out_and_named(
    bench: Artifacts, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    tell(monkeypatch, {"plain": 2.0, "endless": math.inf, "unknown": math.nan})

    record = outcome(bench, gray, defense="dp_ir")
    write_record(tmp_path, record)

    assert record.row.status == "done"
    assert record.details["plain"] == 2
    assert record.notes == {"left_out": "endless=inf, unknown=nan"}
    assert read_record(record_path(tmp_path, record.row.cell_id)) == record


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        ({"word": "much"}, "Expected details to return numbers by name, got 'word': 'much'."),
        ({1: 2}, "Expected details to return numbers by name, got 1: 2."),
        (None, "Expected details to return a dictionary of numbers by name, got NoneType."),
        ({"chance": 0.0}, "Expected other names in details than those of what is measured, got 'chance'."),
        ({"bound_psnr_db_high": 3.0}, "Expected other names in details than those of what is measured, got 'bound_"),
    ],
)
def test_a_defense_that_tells_no_number_fails_alone(
    told: Any, reason: str, bench: Artifacts, monkeypatch: pytest.MonkeyPatch
) -> None:
    tell(monkeypatch, told)

    row = outcome(bench, gray, defense="dp_ir").row

    assert row.status == "failed"
    assert row.reason.startswith(f"ContractError: {reason}")


def test_a_dataset_that_cannot_be_loaded_is_bad_input_and_named() -> None:
    def load(dataset: ResolvedComponent) -> Any:
        raise KeyError("no such file")

    bench = Artifacts(device=torch.device("cpu"), data_dir=None, load=load)

    named = r"The dataset imagefolder:size=16 of package mia-bench .* cannot be loaded: KeyError: 'no such file'\."
    with pytest.raises(UsageError, match=named):
        setting(bench)


def test_a_model_that_cannot_be_built_is_bad_input_and_named(bench: Artifacts, monkeypatch: pytest.MonkeyPatch) -> None:
    def build(self: Lenet5, image_shape: tuple[int, int, int], classes: int) -> Any:
        raise TypeError("boom")

    monkeypatch.setattr(Lenet5, "build", build)

    with pytest.raises(UsageError, match=r"Expected a model for the \(3, 16, 16\) images .* fails \(boom\)\."):
        setting(bench)
