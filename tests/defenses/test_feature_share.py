"""Channels that are divided among servers."""

from dataclasses import replace

import pytest
import torch
from mia_bench.benchmark.errors import Inapplicable
from mia_bench.benchmark.interfaces import SplitModel, TaughtImages
from mia_bench.benchmark.metrics import accuracy
from mia_bench.benchmark.metrics.costs import measure_costs
from mia_bench.defenses.feature_share import FeatureShare
from mia_bench.defenses.quantize import Quantize
from pydantic import ValidationError
from torch import nn


def test_the_servers_together_see_every_channel_once(model, train, private):
    images = private.images[:4]
    sent = FeatureShare(tuning_epochs=0).protect(model, train)
    masks = sent.server[0].masks
    assert torch.equal(masks.sum(0), torch.ones(8))
    assert masks.sum(1).tolist() == [3, 3, 2]
    assert torch.equal(sent.send(images).tensor, model.send(images).tensor)


@pytest.mark.parametrize(("collude", "channels"), [(1, 3), (2, 6), (3, 8)])
def test_the_adversary_sees_the_channels_of_the_servers_that_collude(collude, channels, model, train, private):
    images = private.images[:4]
    shared = FeatureShare(collude=collude, tuning_epochs=0).protect(model, train)
    seen = shared.overheard(images).tensor
    mask = shared.server[0].masks[:collude].sum(0).view(1, -1, 1, 1)
    assert mask.sum() == channels
    assert torch.equal(seen, shared.send(images).tensor * mask)


def test_each_server_answers_from_its_channels_alone(model, train, private):
    images = private.images[:4]
    shared = FeatureShare(tuning_epochs=0).protect(model, train)
    wire, seen = shared.send(images), shared.server[0].masks[0].view(1, 8, 1, 1)
    changed = replace(wire, payload=wire.tensor + (1 - seen) * torch.rand_like(wire.tensor))
    before, after = shared.server[0](wire.tensor), shared.server[0](changed.tensor)
    assert torch.equal(before[:, :4], after[:, :4])
    assert not torch.equal(before[:, 4:], after[:, 4:])


def test_an_untrained_fusion_is_the_mean_of_the_servers(model, train, private):
    shared = FeatureShare(tuning_epochs=0).protect(model, train)
    wire = shared.send(private.images)
    votes = shared.server[0](wire.tensor).view(-1, 3, 4)
    torch.testing.assert_close(shared.answer(wire), votes.mean(1))
    assert shared.exchange(wire).bytes_down == votes.nbytes


def test_training_restores_the_accuracy(model, train, private):
    shared = FeatureShare(tuning_epochs=1).protect(model, train)
    assert accuracy(shared.classify(private.images), private.labels) > 0.9


def test_features_of_tokens_are_divided(train):
    client = nn.Sequential(nn.Flatten(2), nn.Linear(256, 6))  # (N, 1, 6)
    model = SplitModel(client=client, server=nn.Sequential(nn.Flatten(), nn.Linear(6, 4)))
    shared = FeatureShare(tuning_epochs=0).protect(model, train)
    assert shared.overheard(train.images[:2]).tensor.ne(0).sum(2).tolist() == [[2], [2]]


def test_more_servers_than_channels_are_refused(model, train):
    with pytest.raises(Inapplicable, match="at least 9 channels, one for each server, got 8"):
        FeatureShare(servers=9).protect(model, train)


def test_more_colluding_servers_than_servers_are_refused():
    with pytest.raises(ValidationError, match="Expected collude to be at most servers=3, got 4"):
        FeatureShare(collude=4)


def test_channels_of_maps_with_channels_last_are_divided(train):
    class Last(nn.Module):
        def forward(self, maps):
            return maps.movedim(1, -1)

    client = nn.Sequential(nn.Conv2d(1, 12, 4, stride=4), Last())  # (N, 4, 4, 12)
    model = SplitModel(client=client, server=nn.Sequential(nn.Flatten(), nn.Linear(192, 4)))
    shared = FeatureShare(servers=4, tuning_epochs=0).protect(model, train)
    assert shared.overheard(train.images[:1]).tensor.ne(0).any((0, 1, 2)).sum() == 3


def test_a_defended_client_is_refused(model, train):
    with pytest.raises(Inapplicable, match="Expected an undefended client, got a defended one"):
        FeatureShare().protect(Quantize().protect(model, train), train)


def test_the_device_bears_the_costs_of_the_layer_that_fuses(model, train, private):
    image = private.images[:1]
    shared = measure_costs(FeatureShare(tuning_epochs=0).protect(model, train), image)
    plain = measure_costs(model, image)

    assert shared.client_params == plain.client_params + 12 * 4 + 4
    assert shared.client_macs == plain.client_macs + 12 * 4


def test_outputs_for_each_pixel_are_fused_pixel_by_pixel(train):
    client = nn.Sequential(nn.Conv2d(1, 6, 3, padding=1), nn.ReLU())
    model = SplitModel(client=client, server=nn.Sequential(nn.Conv2d(6, 2, 1)))
    images = TaughtImages(train.images[:64], torch.zeros(64, 0), task="unlabeled", teacher=model.logits)

    shared = FeatureShare(tuning_epochs=1).protect(model, images)

    assert shared.classify(train.images[:5]).shape == (5, 2, 16, 16)
    assert measure_costs(shared, train.images[:1]).bytes_down == 3 * 2 * 16 * 16 * 4
