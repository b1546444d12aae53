"""What defenses refuse and promise, for several defenses at once."""

from typing import Any

import pytest
from mia_bench.benchmark.interfaces import Defense, ImageSet, Promise, SplitModel
from mia_bench.benchmark.training import tuning
from mia_bench.defenses.adversarial import Adversarial
from mia_bench.defenses.cem import Cem
from mia_bench.defenses.dp_input import DpInput
from mia_bench.defenses.dp_ir import DpIr
from mia_bench.defenses.dp_sgd import DpSgd
from mia_bench.defenses.dropout import Dropout
from mia_bench.defenses.fisher import Fisher
from mia_bench.defenses.lowpass import Lowpass
from mia_bench.defenses.nopeek import Nopeek
from mia_bench.defenses.quantize import Quantize
from mia_bench.defenses.shredder import Shredder
from mia_bench.defenses.topk import Topk
from mia_bench.defenses.vib import Vib
from pydantic import ValidationError

REFUSED: list[tuple[type[Defense], dict[str, Any]]] = [
    (Dropout, {"rate": -0.1}),
    (Dropout, {"rate": 1}),
    (Dropout, {"rate": float("nan")}),
    (Dropout, {"where": "logits"}),
    (Nopeek, {"correlation_weight": -1}),
    (Nopeek, {"tuning_epochs": 0}),
    (Quantize, {"bits": 0}),
    (Quantize, {"bits": 17}),
    (Quantize, {"tuning_epochs": -1}),
    (Shredder, {"collection": 0}),
    (Shredder, {"noise_scale": -1}),
    (Shredder, {"spread_weight": -1}),
    (Topk, {"kept": 0}),
    (Topk, {"kept": 1.1}),
    (Topk, {"tuning_epochs": -1}),
    (Vib, {"kl_weight": -1}),
    (Vib, {"tuning_epochs": 0}),
    (Adversarial, {"adversary_weight": -1}),
    (Adversarial, {"tuning_epochs": 0}),
    (DpSgd, {"noise_multiplier": 0}),
    (DpSgd, {"gradient_clip": 0}),
    (DpSgd, {"training_delta": 1}),
    (DpIr, {"sigma": -1}),
    (DpIr, {"sigma": float("nan")}),
    (DpIr, {"sigma": float("inf")}),
    (DpIr, {"sigma": None}),
    (DpIr, {"epsilon": 0}),
    (DpIr, {"clip": 0}),
    (DpIr, {"delta": 0}),
    (DpIr, {"delta": 1}),
    (DpIr, {"releases": 0}),
    (DpIr, {"noise": "uniform"}),
    (DpIr, {"accountant": "gdp"}),
    (DpIr, {"scale": 1}),
    (DpInput, {"sigma": -1}),
    (DpInput, {"sigma": float("nan")}),
    (DpInput, {"sigma": float("inf")}),
    (DpInput, {"sigma": None}),
    (DpInput, {"epsilon": 0}),
    (DpInput, {"clip": 0}),
    (DpInput, {"delta": 0}),
    (DpInput, {"delta": 1}),
    (DpInput, {"releases": 0}),
    (DpInput, {"noise": "uniform"}),
    (DpInput, {"accountant": "gdp"}),
    (DpInput, {"scale": 1}),
]
"""A parameter of each defense that is out of bounds."""

WITHOUT_PROMISE = [
    Cem(tuning_epochs=1),
    Dropout(),
    Fisher(),
    Nopeek(),
    Quantize(tuning_epochs=0),
    Shredder(tuning_epochs=0),
    Topk(tuning_epochs=0),
    Lowpass(tuning_epochs=0),
    Vib(tuning_epochs=1),
    Adversarial(tuning_epochs=1),
]


@pytest.mark.parametrize(("defense", "wrong"), REFUSED)
def test_a_value_out_of_bounds_is_an_error_that_names_the_parameter(
    defense: type[Defense], wrong: dict[str, Any]
) -> None:
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        defense(**wrong)


@pytest.mark.parametrize("defense", WITHOUT_PROMISE, ids=lambda defense: type(defense).__name__)
def test_nothing_is_promised(
    defense: Defense, model: SplitModel, train: ImageSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tuning, "MIN_STEPS_PER_EPOCH", 1)

    assert defense.protect(model, train[:64]).promise == Promise()
