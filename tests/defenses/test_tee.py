"""The simulated enclave."""

import time
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from mia_bench.attacks.query_free import QueryFree
from mia_bench.attacks.white_box import WhiteBox
from mia_bench.benchmark.errors import Inapplicable, UsageError
from mia_bench.benchmark.evaluation.artifacts import Artifacts
from mia_bench.benchmark.evaluation.utility import Answers
from mia_bench.benchmark.interfaces import Pools, SplitModel
from mia_bench.benchmark.metrics.costs import measure_costs
from mia_bench.benchmark.registry.sweeps import expand_sweeps
from mia_bench.defenses.tee import Tee
from torch import nn


class Anything(SimpleNamespace):
    """Stands for what the test does not need."""

    __hash__ = object.__hash__


@pytest.mark.parametrize("parameters", [{}, {"exit": "pool1"}, {"exit": "relu3"}, {"exit": "fc3"}])
def test_the_answers_are_those_of_the_undefended_model(parameters, model, target, train, private):
    protected = Tee(**parameters).protect(model, train)
    expected = target(private.images)
    torch.testing.assert_close(protected.classify(private.images), expected, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(protected.logits(private.images), expected)
    assert torch.equal(protected.classify(private.images[:3]).argmax(1), expected[:3].argmax(1))


@pytest.mark.parametrize("split", ["conv1", "fc2", "fc3"])
def test_it_works_at_every_kind_of_split(split, target, train, private):
    protected = Tee().protect(target.split(split), train)
    torch.testing.assert_close(protected.classify(private.images), target(private.images), rtol=1e-5, atol=1e-5)


def test_the_guarantee_says_that_the_enclave_is_simulated_and_where_the_ir_leaves(model, train):
    assert Tee.guarantee == "AES-256-GCM, simulated enclave that proves layers and weights, not code"
    assert Tee().protect(model, train).promise.guarantee == Tee.guarantee
    assert (
        Tee(exit="relu3").protect(model, train).promise.guarantee
        == "AES-256-GCM, simulated enclave up to relu3; the IR there leaves in the clear"
    )


def test_the_attacker_sees_the_sealed_messages_or_the_ir_at_the_exit(model, target, train, private):
    sealed, opened = (Tee(exit=layer).protect(model, train) for layer in (None, "relu3"))
    assert isinstance(sealed.overheard(private.images).payload, tuple)
    clear = target.split("relu3").send(private.images).tensor
    torch.testing.assert_close(opened.overheard(private.images).payload, clear)
    torch.testing.assert_close(opened.client(private.images), clear)
    assert isinstance(opened.send(private.images).payload, tuple)


@pytest.mark.parametrize("layer", [None, "relu3"])
def test_the_benchmark_hands_attacks_what_they_see_at_the_exit(layer, target, train, private):
    bench = Artifacts(device=torch.device("cpu"), data_dir=None)
    bench.data.pools = lambda dataset: Pools(train, train, private, ("a", "b", "c", "d"))
    bench.targets.get = lambda *whole: target
    bench.targets.pools = lambda *whole: bench.data.pools(0)
    bench.targets.answers = lambda *whole: Answers(target, private, classes=True)
    tee = Anything(component=Tee(exit=layer), name="tee")
    identity = {"of": layer}
    setting = Anything(
        dataset=0, model=0, seed=0, split="relu1", defense=tee, identity=identity, defense_stream=identity, images=8
    )
    images = bench.originals(setting)
    white, free = bench.observe(setting, WhiteBox()), bench.observe(setting, QueryFree())
    clear = target.split(layer or "relu1").send(images).tensor
    if layer is None:
        assert {len(message) for message in white.wire.payload} == {len(white.query(images[:1]).payload[0])}
    else:
        torch.testing.assert_close(white.wire.payload, clear)
        torch.testing.assert_close(white.query(images).payload, clear)
    torch.testing.assert_close(white.client(images), clear)
    torch.testing.assert_close(free.server(clear), target(images))
    assert free.structure()(images).shape == clear.shape
    assert free.channel.read(free.wire).shape == clear.shape


def test_the_device_pays_for_its_own_layers_and_sends_sealed_bytes(model, train, private):
    before = measure_costs(model, private.images[:1])
    for layer in (None, "pool1", "fc2"):
        protected = Tee(exit=layer).protect(model, train)
        costs = measure_costs(protected, private.images[:1])
        assert (costs.client_macs, costs.client_params) == (before.client_macs, before.client_params)
        assert costs.wire_bytes == len(protected.send(private.images[:1]).payload[0]) > before.wire_bytes
        assert costs.client_ms > 0
        assert costs.server_ms > 0
        assert costs.bytes_down == (12 + 256 + 16 if layer is None else 16)


def test_the_measured_time_of_the_device_does_not_hold_that_of_the_enclave(model, train, private):
    protected = Tee(exit="relu3").protect(model, train)
    slow = replace(protected, enclave=Slow(protected.enclave))
    costs = measure_costs(slow, private.images[:1])
    assert costs.server_ms > 50 > costs.client_ms


class Slow:
    def __init__(self, enclave):
        self.enclave = enclave

    def run(self, sent):
        time.sleep(0.05)
        return self.enclave.run(sent)


def test_the_layers_in_the_enclave_are_not_those_that_the_host_holds(model, train, private):
    protected = Tee().protect(model, train)
    expected = protected.classify(private.images[:4])
    for weight in protected.server.parameters():
        nn.init.zeros_(weight)
    torch.testing.assert_close(protected.classify(private.images[:4]), expected)


def test_an_unknown_exit_is_an_error_that_lists_the_layers(model, train):
    with pytest.raises(UsageError, match=r"Unknown layer 'conv9' .* the layers: conv1, relu1, pool1, .*fc3.$"):
        Tee(exit="conv9").protect(model, train)


@pytest.mark.parametrize("layer", ["conv1", "relu1"])
def test_an_exit_on_the_device_is_inapplicable(layer, model, train):
    with pytest.raises(Inapplicable, match=f"after the split 'relu1' in exit, got '{layer}'.* Available: pool1, "):
        Tee(exit=layer).protect(model, train)


def test_a_sweep_over_exits_may_hold_none():
    chosen = expand_sweeps("defenses", ["tee"], {"exit": ["none", "relu3", "fc1"]})
    assert [each.canonical for each in chosen] == ["tee", "tee:exit=relu3", "tee:exit=fc1"]


def test_a_client_without_any_buffer_communicates_with_the_enclave(train, private):
    client, server = nn.Sequential(nn.Flatten(), nn.Linear(256, 8)), nn.Sequential(nn.ReLU(), nn.Linear(8, 4))
    model = SplitModel(client=client, server=server)
    protected = Tee().protect(model, train)
    torch.testing.assert_close(protected.classify(private.images), model.classify(private.images))
