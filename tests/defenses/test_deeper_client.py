"""More layers on the device."""

import pytest
import torch
from mia_bench.benchmark.errors import Inapplicable, UsageError
from mia_bench.defenses.deeper_client import DeeperClient
from pydantic import ValidationError


@pytest.mark.parametrize(
    ("parameters", "last"),
    [({}, "pool1"), ({"layers": 3}, "relu2"), ({"to": "fc1"}, "fc1"), ({"layers": 9}, "fc3"), ({"to": "fc3"}, "fc3")],
)
def test_the_split_moves_and_the_predictions_stay(parameters, last, model, target, train, private):
    protected = DeeperClient(**parameters).protect(model, train)
    assert list(dict(protected.client.named_children()))[-1] == last
    assert torch.equal(protected.send(private.images).tensor, target.split(last).send(private.images).tensor)
    assert torch.equal(protected.answer(protected.send(private.images)), target(private.images))


def test_behind_the_last_layer_the_wire_carries_the_logits(model, target, train, private):
    protected = DeeperClient(to="fc3").protect(model, train)
    assert len(protected.server) == 0
    assert torch.equal(protected.send(private.images).tensor, target(private.images))


def test_too_many_layers_are_inapplicable(model, train):
    with pytest.raises(Inapplicable, match="Expected at least 10 layers after the split 'relu1', got 9"):
        DeeperClient(layers=10).protect(model, train)


@pytest.mark.parametrize("layer", ["conv1", "relu1"])
def test_a_layer_that_is_not_deeper_is_inapplicable(layer, model, train):
    with pytest.raises(Inapplicable, match=f"after the split 'relu1' in to, got '{layer}'. Available: pool1, "):
        DeeperClient(to=layer).protect(model, train)


@pytest.mark.parametrize("layer", ["conv9", "normalize"])
def test_an_unknown_layer_is_an_error_that_lists_the_layers(layer, model, train):
    with pytest.raises(UsageError, match=f"Unknown layer '{layer}' .* the layers: conv1, relu1, pool1, .*fc3.$"):
        DeeperClient(to=layer).protect(model, train)


def test_giving_both_parameters_names_both():
    with pytest.raises(ValidationError, match="Expected either layers or to, got layers=2 and to='fc1'"):
        DeeperClient(layers=2, to="fc1")


def test_moving_no_layer_is_an_error():
    with pytest.raises(ValidationError, match="layers"):
        DeeperClient(layers=0)
