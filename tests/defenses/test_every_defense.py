"""What all defenses have in common, with other parameters than the defaults, which ``benchmark/checks`` tests."""

import pytest
import torch
from mia_bench.benchmark import registry
from mia_bench.benchmark.interfaces import Defense, ImageSet
from mia_bench.benchmark.metrics.costs import measure_costs
from mia_bench.benchmark.training import tuning
from mia_bench.defenses.adversarial import Adversarial
from mia_bench.defenses.ckks import Ckks
from mia_bench.defenses.deeper_client import DeeperClient
from mia_bench.defenses.dp_input import DpInput
from mia_bench.defenses.dp_ir import DpIr
from mia_bench.defenses.dp_sgd import DpSgd
from mia_bench.defenses.dropout import Dropout
from mia_bench.defenses.fc_before_send import FcBeforeSend
from mia_bench.defenses.nopeek import Nopeek
from mia_bench.defenses.quantize import Quantize
from mia_bench.defenses.shredder import Shredder
from mia_bench.defenses.tee import Tee
from mia_bench.defenses.topk import Topk
from mia_bench.defenses.undefended import Undefended
from mia_bench.defenses.vib import Vib
from mia_bench.testing import Lab, checks_of, outcomes

VARIANTS = [
    FcBeforeSend(width=8),
    DpIr(epsilon=8),
    DpIr(clip=1, noise="laplacian", noise_aware=True),
    DpInput(epsilon=8, noise_aware=True),
    Dropout(where="input", noise_aware=True),
    Tee(exit="relu2"),
    Quantize(bits=1, tuning_epochs=0),
    Topk(kept=0.5, tuning_epochs=0),
    Shredder(collection=1, tuning_epochs=0),
    DpSgd(dp_epochs=1),
]
OF_THE_CLASS = {"rebuilt in a worker", "parameters change the result"}
"""Checks that need processes or time, and say the same of each variant of a defense."""
ANYWHERE = [
    Quantize(),
    Topk(),
    Nopeek(tuning_epochs=1),
    Vib(tuning_epochs=1),
    Adversarial(tuning_epochs=1),
    Shredder(tuning_epochs=1),
    DpSgd(dp_epochs=1),
]
"""Defenses that apply to every split with weights on both sides."""


def words(defense: Defense) -> str:
    return f"{type(defense).__name__}{defense.params}"


@pytest.mark.slow
@pytest.mark.parametrize("defense", VARIANTS, ids=words)
def test_a_variant_passes_the_checks_of_defenses(defense: Defense) -> None:
    with Lab() as lab:
        found = list(outcomes([check for check in checks_of(defense, lab=lab) if check.name not in OF_THE_CLASS]))

    assert [str(each) for each in found if each.status == "failed"] == []
    assert {"answers", "leaves the model", "guarantee is honest"} <= {
        each.name for each in found if each.status == "ok"
    }


@pytest.mark.parametrize("name", registry.names("defenses"))
def test_a_defense_declares_its_own_guarantee(name: str) -> None:
    assert "guarantee" in vars(registry.load(registry.find("defenses", name)))


def test_costs_show_what_a_defense_costs(model, train, private):
    def measured(defense):
        return measure_costs(defense.protect(model, train), private.images[:1])

    plain, noisy, deeper, sealed = map(
        measured, (Undefended(), DpIr(), DeeperClient(to="relu2"), Ckks(mode="interactive"))
    )
    assert (noisy.wire_bytes, noisy.client_macs) == (plain.wire_bytes, plain.client_macs)
    assert deeper.client_macs > plain.client_macs
    assert deeper.wire_bytes < plain.wire_bytes
    assert sealed.wire_bytes > 10 * plain.wire_bytes
    assert sealed.server_ms > 10 * plain.server_ms


@pytest.mark.parametrize("split", ["conv1", "relu2", "relu3"])
@pytest.mark.parametrize("defense", ANYWHERE, ids=words)
def test_color_images_and_vectors_are_protected_too(defense, split, color_target, monkeypatch):
    monkeypatch.setattr(tuning, "MIN_STEPS_PER_EPOCH", 5)
    images = torch.rand(64, 3, 16, 16)
    model = color_target.split(split)
    protected = defense.protect(model, ImageSet(images, torch.arange(64) % 4))
    wire = protected.send(images)
    assert wire.tensor.shape == model.send(images).tensor.shape
    assert protected.answer(wire).isfinite().all()
    with torch.no_grad():
        clean = protected.client(images)
    misfit = protected.ir_channel.distance(clean, protected.ir_channel.read(wire))
    assert misfit.shape == (64,)
    assert misfit.isfinite().all()
    assert (protected.ir_channel.distance(clean.flip(0), wire.tensor) >= misfit).float().mean() > 0.8
