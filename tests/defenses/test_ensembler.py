"""Several networks in the cloud, and a secret selection among them."""

import copy
from dataclasses import replace
from typing import Any

import pytest
import torch
from mia_bench.attacks.query_free import QueryFree
from mia_bench.attacks.ridge import Ridge
from mia_bench.benchmark.errors import Inapplicable
from mia_bench.benchmark.evaluation.observe import observe, overhear
from mia_bench.benchmark.interfaces import Attack, Observation, Pools, SplitModel
from mia_bench.benchmark.metrics import accuracy
from mia_bench.benchmark.metrics.costs import measure_costs
from mia_bench.benchmark.training import tuning
from mia_bench.defenses._dp.noise_channel import NoiseChannel
from mia_bench.defenses.ensembler import Ensembler
from pydantic import ValidationError
from torch import nn
from torch.nn import functional

FEATURES = 84
"""Numbers that the last layer of LeNet-5 takes."""


def few(monkeypatch: pytest.MonkeyPatch, steps: int = 2) -> None:
    monkeypatch.setattr(tuning, "MIN_STEPS_PER_EPOCH", steps)


def ensemble(model: SplitModel, train: Any, **params: Any) -> SplitModel:
    return Ensembler(**{"bodies": 3, "selected": 2, "tuning_epochs": 1} | params).protect(model, train)


def watched(monkeypatch: pytest.MonkeyPatch) -> list[tuple[list[nn.Module], dict[str, torch.Tensor]]]:
    """Collect the clients of the selected bodies and the weights of all bodies before the device trains its own."""
    kept, select = [], Ensembler._select

    def watch(self, model, others, train):
        kept.append((others, {key: value.clone() for key, value in model.server[0].state_dict().items()}))
        select(self, model, others, train)

    monkeypatch.setattr(Ensembler, "_select", watch)
    return kept


def test_only_the_selected_bodies_change_the_answer(model, train, private, monkeypatch):
    few(monkeypatch)
    protected = ensemble(model, train[:64])
    bodies, tail = protected.server
    features = bodies(protected.send(private.images[:4]).tensor)
    assert features.shape == (4, 3, FEATURES)
    assert len(tail.selection) == 2
    for number in range(3):
        changed = features.clone()
        changed[:, number] += 1
        assert torch.equal(tail(changed), tail(features)) == (number not in tail.selection)


def test_the_row_counts_the_last_layer_on_the_device_and_all_answers_down(model, train, private, monkeypatch):
    few(monkeypatch)
    image = private.images[:1]
    plain, protected = measure_costs(model, image), measure_costs(ensemble(model, train[:64]), image)
    assert protected.wire_bytes == plain.wire_bytes
    assert protected.bytes_down == 3 * FEATURES * 4
    assert protected.client_macs == plain.client_macs + 2 * FEATURES * 4
    assert protected.client_params == plain.client_params + 2 * (FEATURES + 1) * 4


def test_the_weight_keeps_the_client_unlike_those_of_the_bodies(model, train, private, monkeypatch):
    few(monkeypatch, steps=40)
    alike, kept = [], watched(monkeypatch)
    for weight in (0.0, 10.0):
        torch.manual_seed(0)
        mine = ensemble(model, train[:256], similarity_weight=weight).client(private.images[:64]).flatten(1)
        others = [other(private.images[:64]).flatten(1) for other in kept[-1][0]]
        alike.append(max(functional.cosine_similarity(mine, other).mean().item() for other in others))
    assert alike[1] < 0.8 * alike[0]


def test_bodies_differ_and_stay_as_they_are_while_the_device_trains(model, train, monkeypatch):
    few(monkeypatch)
    kept = watched(monkeypatch)
    bodies = ensemble(model, train[:64]).server[0]
    assert all(torch.equal(value, kept[0][1][key]) for key, value in bodies.state_dict().items())
    first, second, _ = bodies.networks
    assert not torch.equal(next(first.parameters()), next(second.parameters()))


@pytest.mark.slow
def test_training_restores_the_accuracy(model, train, private):
    assert accuracy(ensemble(model, train).classify(private.images), private.labels) > 0.9


def seen_by(attack: Attack, model: SplitModel, data: Any) -> Observation:
    pools = Pools(data, data, data, tuple("abcd"))
    images = data.images[:8]
    return observe(attack, model, overhear(model, images), pools=pools, originals=images, identity="ensemble")


@pytest.mark.parametrize(("known", "count"), [("all", 3), ("selected", 2), ("one", 1)])
def test_an_attacker_without_queries_learns_neither_selection_nor_tail(known, count, model, train, monkeypatch):
    few(monkeypatch)
    protected = ensemble(model, train[:64], known_bodies=known)
    seen = seen_by(QueryFree(), protected, train[:64])
    features = seen.server(seen.wire.tensor)
    assert features.shape == (8, count, FEATURES)
    tail = seen.tail()
    assert tail(features).shape == (8, 4)
    mine = protected.server[1].layers[0].state_dict().values()
    assert all(not torch.equal(a, b) for a, b in zip(mine, tail.layers[0].state_dict().values(), strict=True))
    if known == "one":
        first = protected.server[1].selection[0]
        assert torch.equal(features[:, 0], protected.server[0](seen.wire.tensor)[:, first])


def test_an_attacker_with_queries_is_given_no_part_of_the_cloud(model, train, monkeypatch):
    few(monkeypatch)
    seen = seen_by(Ridge(), ensemble(model, train[:64]), train[:64])
    assert seen.server is None
    assert seen.tail is None


def test_a_shadow_learns_the_last_layers_it_does_not_know(model, train, monkeypatch):
    few(monkeypatch)
    seen = seen_by(QueryFree(), ensemble(model, train[:64]), train[:64])
    build, given, untrained = seen.tail, [], []

    def tail():
        given.append(build())
        untrained.append(copy.deepcopy(given[-1].state_dict()))
        return given[-1]

    images = QueryFree(restarts=1, steps=20, iterations=2).reconstruct(replace(seen, tail=tail))
    assert images.shape == (8, 1, 16, 16)
    assert len(given) == 1
    assert all(not torch.equal(value, untrained[0][key]) for key, value in given[0].state_dict().items())


def test_a_server_with_one_layer_with_weights_is_refused(target, train):
    with pytest.raises(Inapplicable, match=r"at least two layers with weights after the split, .* got 1\."):
        ensemble(target.split("fc2"), train)


def test_more_selected_bodies_than_bodies_are_refused():
    with pytest.raises(ValidationError, match=r"at most bodies=3, got 4\. Lower selected, or raise bodies"):
        Ensembler(bodies=3)


def test_irs_of_equal_numbers_get_noise(model, train, private, monkeypatch):
    few(monkeypatch)
    with torch.no_grad():
        for weight in model.client.parameters():
            weight.zero_()
    protected = ensemble(model, train[:64])
    assert protected.stochastic
    assert protected.ir_channel.sigma > 0


def test_a_defended_client_is_refused(model, train):
    noisy = replace(model, ir_channel=NoiseChannel(noise="gaussian", sigma=0.1, clip=None))
    with pytest.raises(Inapplicable, match=r"Expected an undefended client, .* Use ensembler without other defenses"):
        ensemble(noisy, train)
