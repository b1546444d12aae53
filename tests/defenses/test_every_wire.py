"""Every defense works on every kind of wire, or says in a sentence why it does not."""

from typing import Any, cast

import pytest
import torch
from mia_bench.benchmark import registry
from mia_bench.benchmark.errors import Inapplicable
from mia_bench.benchmark.evaluation.noise_contract import require_any_place, require_fresh_noise
from mia_bench.benchmark.evaluation.server_reading import as_server_reads
from mia_bench.benchmark.evaluation.signed_zeros_note import signed_zeros_note
from mia_bench.benchmark.interfaces import Defense, SplitModel

from ..helpers.wires import CLASSES, PLACES, pools, victim

DEFENSES = [name for name in registry.names("defenses") if registry.find("defenses", name).package == "mia-bench"]
REFUSED = {"ckks", "dp_sgd", "ensembler", "fc_before_send", "secret_sharing", "tee"}
"""Defenses that may refuse: for layers that they cannot compute, train or divide, or without a linear layer."""


@pytest.fixture(autouse=True)
def few_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mia_bench.benchmark.training.tuning.MIN_STEPS_PER_EPOCH", 1)


def make(name: str) -> Defense:
    kind: Any = registry.load(registry.find("defenses", name))
    return cast(Defense, kind(**{key: 1 for key in ("tuning_epochs", "dp_epochs") if key in kind.model_fields}))


def protected_or_reason(defense: Defense, kind: str) -> SplitModel | str:
    try:
        return defense.protect(victim(kind), pools(kind).train)
    except Inapplicable as refusal:
        return str(refusal)


@pytest.mark.parametrize("kind", PLACES)
@pytest.mark.parametrize("name", DEFENSES)
def test_a_defense_protects_every_kind_of_wire_or_gives_a_reason(name: str, kind: str) -> None:
    torch.manual_seed(0)
    images = pools(kind).private.images
    protected = protected_or_reason(make(name), kind)
    if isinstance(protected, str):
        assert name in REFUSED
        assert protected.endswith(".")
        return
    protected.modules().eval()
    require_any_place(protected, images[:1])
    require_fresh_noise(protected, images)
    assert signed_zeros_note(protected, images) == {}
    wire = protected.send(images)
    logits = protected.classify(images)
    assert logits.shape == (len(images), CLASSES)
    assert logits.isfinite().all()
    if not protected.ir_channel.published:
        return
    with torch.no_grad():
        clean = protected.client(protected.input_channel(images))
        sent = protected.ir_channel.read(wire)
        misfit = protected.ir_channel.distance(protected.ir_channel.clean(clean), sent)
    assert sent.shape == clean.shape
    assert as_server_reads(protected, wire, pools(kind).aux.images, identity=kind)[0] is protected
    assert misfit.shape == (len(images),)
    assert misfit.isfinite().all()


@pytest.mark.parametrize("kind", ["tokens with a class token", "channels last"])
def test_quantization_has_a_range_for_each_channel_wherever_the_channels_are(kind: str) -> None:
    protected = make("quantize").protect(victim(kind), pools(kind).train)
    low = cast(torch.Tensor, protected.ir_channel.low)

    assert low.shape == (*[1] * (len(PLACES[kind].shape) - 1), PLACES[kind].shape[-1])
