"""A fully connected layer before sending."""

from collections import OrderedDict

import pytest
import torch
from mia_bench.benchmark.errors import Inapplicable
from mia_bench.benchmark.interfaces import SplitModel
from mia_bench.benchmark.training import untrained_copy
from mia_bench.defenses.fc_before_send import FcBeforeSend
from pydantic import ValidationError
from torch import nn

from ..helpers.defenses import accuracy


def test_the_split_moves_behind_the_first_fully_connected_layer_and_the_predictions_stay(model, target, train, private):
    protected = FcBeforeSend().protect(model, train)
    assert protected.send(private.images).tensor.shape == (len(private), 120)
    assert torch.equal(protected.send(private.images).tensor, target.split("fc1").send(private.images).tensor)
    assert torch.equal(protected.answer(protected.send(private.images)), target(private.images))


@pytest.mark.parametrize("split", ["fc1", "relu3", "fc3"])
def test_at_or_behind_it_the_defense_is_inapplicable(split, target, train):
    with pytest.raises(Inapplicable, match="no fully connected layer on the client, got 'fc1'"):
        FcBeforeSend().protect(target.split(split), train)


def test_a_network_without_one_is_told_to_give_a_width(train):
    model = SplitModel(
        client=nn.Sequential(OrderedDict(normalize=nn.Identity(), conv=nn.Conv2d(1, 4, 3))),
        server=nn.Sequential(OrderedDict(pool=nn.AdaptiveAvgPool2d(1), flatten=nn.Flatten())),
    )
    with pytest.raises(Inapplicable, match=r"a fully connected layer behind the split, got none. Give width"):
        FcBeforeSend().protect(model, train)


@pytest.mark.parametrize("split", ["relu1", "relu2", "relu3"])
def test_a_width_gives_a_wire_of_that_width_and_keeps_the_network_useful(split, target, train, private):
    model = target.split(split)
    protected = FcBeforeSend(width=16, tuning_epochs=1).protect(model, train)
    assert protected.send(private.images).tensor.shape == (len(private), 16)
    assert accuracy(protected, private) > accuracy(model, private) - 0.05


def test_a_width_leaves_the_devices_own_layers_as_they_were(model, train):
    protected = FcBeforeSend(width=16).protect(model, train)
    trained = dict(protected.client.named_parameters())
    assert all(torch.equal(weight, trained[name]) for name, weight in model.client.named_parameters())
    assert list(dict(protected.client.named_children())) == ["normalize", "conv1", "relu1", "fc_mix"]


def test_without_epochs_nothing_is_trained(model, train):
    protected = FcBeforeSend(width=16, tuning_epochs=0).protect(model, train)
    trained = dict(protected.server.named_parameters())
    assert all(torch.equal(weight, trained[name]) for name, weight in model.server.named_parameters())


def test_an_untrained_copy_of_the_new_client_has_fresh_weights(model, train, private):
    protected = FcBeforeSend(width=16).protect(model, train)
    fresh = untrained_copy(protected.client)
    assert fresh(private.images).shape == (len(private), 16)
    assert not torch.equal(fresh.get_submodule("fc_mix.linear").weight, protected.client.fc_mix.linear.weight)


def test_a_width_of_zero_is_an_error():
    with pytest.raises(ValidationError, match="width"):
        FcBeforeSend(width=0)
