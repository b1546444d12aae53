"""What all defenses have in common."""

import copy
import io

import pytest
import torch
from mia_bench.benchmark.interfaces import ImageSet
from mia_bench.benchmark.metrics.costs import measure_costs
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

ANYWHERE = [
    Quantize(),
    Quantize(bits=1, tuning_epochs=0),
    Topk(),
    Topk(kept=0.5, tuning_epochs=0),
    Nopeek(),
    Vib(),
    Adversarial(tuning_epochs=1),
    Shredder(),
    Shredder(collection=1, tuning_epochs=0),
    DpSgd(dp_epochs=1),
]
"""Defenses that apply to every split with weights on both sides."""
DEFENSES = [
    Undefended(),
    DeeperClient(),
    FcBeforeSend(),
    FcBeforeSend(width=8),
    DpIr(),
    DpIr(epsilon=8),
    DpIr(clip=1, noise="laplacian", noise_aware=True),
    DpInput(),
    DpInput(epsilon=8, noise_aware=True),
    Dropout(),
    Dropout(where="input", noise_aware=True),
    Ckks(mode="interactive"),
    Tee(),
    Tee(exit="relu3"),
    *ANYWHERE,
]
every = pytest.mark.parametrize("defense", DEFENSES, ids=lambda defense: f"{type(defense).__name__}{defense.params}")


@every
def test_protecting_leaves_the_given_model_as_it_was(defense, model, train, private):
    before = copy.deepcopy(model)
    grads = [weight.requires_grad for weight in model.modules().parameters()]
    defense.protect(model, train)
    assert [*dict(model.client.named_children())] == [*dict(before.client.named_children())]
    state, expected = model.modules().state_dict(), before.modules().state_dict()
    assert state.keys() == expected.keys()
    assert all(torch.equal(state[name], expected[name]) for name in state)
    assert [weight.requires_grad for weight in model.modules().parameters()] == grads
    assert all(weight.grad is None for weight in model.modules().parameters())
    assert model.promise == before.promise
    assert torch.equal(model.send(private.images[:12]).tensor, before.send(private.images[:12]).tensor)


@every
def test_the_protected_model_shares_no_weight_with_the_given_one(defense, model, train):
    given = {weight.data_ptr() for weight in model.modules().parameters()}
    assert given.isdisjoint(weight.data_ptr() for weight in defense.protect(model, train).modules().parameters())


@every
def test_only_a_stochastic_model_sends_an_image_differently_each_time(defense, model, train, private):
    protected = defense.protect(model, train)
    first, second = (protected.send(private.images[:12]).tensor for _ in range(2))
    assert torch.equal(first, second) is not protected.stochastic


@every
def test_the_answers_are_logits_for_every_image(defense, model, train, private):
    protected = defense.protect(model, train)
    assert protected.answer(protected.send(private.images[:12])).shape == (12, 4)
    assert protected.logits(private.images[:3]).shape == (3, 4)


@every
def test_gradients_reach_the_image_through_the_protected_model(defense, model, train, private):
    images = private.images[:2].clone().requires_grad_()
    defense.protect(model, train).logits(images).sum().backward()
    assert torch.isfinite(images.grad).all()


@every
def test_a_protected_model_can_be_copied_and_saved(defense, model, train, private):
    protected = defense.protect(model, train)
    assert protected.copy().promise == protected.promise
    torch.save(protected.modules().state_dict(), io.BytesIO())


@every
def test_the_parameters_can_be_read_back(defense):
    assert type(defense).model_validate_json(defense.params) == defense


@every
def test_the_documentation_says_what_it_does_and_where_it_comes_from(defense):
    text = type(defense).__doc__
    assert text.splitlines()[0].endswith(".")
    assert "Source: " in text
    assert all(field.description for field in type(defense).model_fields.values())
    assert "guarantee" in vars(type(defense))


@every
def test_all_costs_are_measured(defense, model, train, private):
    costs = measure_costs(defense.protect(model, train), private.images[:1])
    assert min(costs.wire_bytes, costs.bytes_down, costs.client_macs, costs.client_params) > 0
    assert min(costs.client_ms, costs.server_ms) > 0


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
@pytest.mark.parametrize("defense", ANYWHERE, ids=lambda defense: f"{type(defense).__name__}{defense.params}")
def test_color_images_and_vectors_are_protected_too(defense, split, color_target):
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
