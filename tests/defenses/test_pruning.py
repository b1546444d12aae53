"""Channels that are removed from the device."""

from collections import OrderedDict

import pytest
import torch
from mia_bench.benchmark.errors import Inapplicable
from mia_bench.benchmark.interfaces import SplitModel
from mia_bench.benchmark.metrics import accuracy
from mia_bench.benchmark.metrics.macs import count_macs
from mia_bench.defenses._pruning import prune, share_for
from mia_bench.defenses.deeper_client import DeeperClient
from torch import nn


def silenced(model: SplitModel, share: float) -> SplitModel:
    """The same network, in which the channels with the smallest weights are 0 instead of removed."""
    model, smallest = model.copy(), torch.tensor([], dtype=torch.int64)
    for layer in model.client.modules():
        if isinstance(layer, nn.Conv2d):
            layer.weight.data[:, smallest] = 0
            norms = layer.weight.detach().abs().sum((1, 2, 3))
            smallest = norms.argsort()[: int(len(norms) * share)]
            layer.weight.data[smallest] = 0
            assert layer.bias is not None
            layer.bias.data[smallest] = 0
    return model


def test_a_pruned_network_computes_what_it_would_with_silent_channels(target, private):
    model = target.split("pool2")
    pruned = model.copy()
    prune(pruned, 0.5)
    torch.testing.assert_close(pruned.classify(private.images), silenced(model, 0.5).classify(private.images))
    assert pruned.send(private.images).tensor.shape[1] == 8


def depthwise_network() -> SplitModel:
    layers = OrderedDict[str, nn.Module](
        conv=nn.Conv2d(3, 6, 3, padding=1, bias=False),
        norm=nn.BatchNorm2d(6),
        act=nn.Hardswish(),
        depth=nn.Conv2d(6, 6, 3, padding=1, groups=6),
        depth_norm=nn.BatchNorm2d(6),
    )
    server = nn.Sequential(nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(24, 5))
    network = SplitModel(client=nn.Sequential(layers), server=server)
    with torch.no_grad():
        network.modules().train()
        network.classify(torch.rand(16, 3, 8, 8))  # The running statistics differ between channels.
    network.modules().eval()
    return network


def test_normalization_and_depthwise_convolutions_lose_the_channels_of_the_layer_before():
    model, images = depthwise_network(), torch.rand(4, 3, 8, 8)
    pruned, silent = model.copy(), model.copy()
    prune(pruned, 0.5)
    norms = model.client.conv.weight.detach().abs().sum((1, 2, 3))  # pyright: ignore[reportCallIssue]
    lost = norms.argsort()[:3]
    silent.server[2].weight.data.view(5, 6, 4)[:, lost] = 0  # Nothing is read from the channels that are lost.
    torch.testing.assert_close(pruned.classify(images), silent.classify(images))


def test_layers_that_mix_channels_in_unknown_ways_are_refused():
    client = nn.Sequential(OrderedDict(conv=nn.Conv2d(1, 4, 3), norm=nn.GroupNorm(2, 4)))
    model = SplitModel(client=client, server=nn.Sequential(nn.Flatten(), nn.Linear(144, 2)))
    with pytest.raises(Inapplicable, match="got GroupNorm in 'norm', from which no channels"):
        prune(model, 0.5)


def test_the_outputs_of_the_network_stay(target, private):
    model = target.split("fc3")
    prune(model.copy(), 0.5)
    pruned = model.copy()
    prune(pruned, 0.9)
    assert pruned.send(private.images).tensor.shape[1] == 4


def test_auto_removes_the_smallest_share_that_pays_for_the_depth(target, private):
    image, model = private.images[:1], target.split("relu1")
    deeper = model.moved_behind("relu2")
    macs = count_macs(model.client, image)
    share = share_for(deeper, image, macs)
    pruned, wider = deeper.copy(), deeper.copy()
    prune(pruned, share)
    prune(wider, share - 1 / 64)
    assert count_macs(pruned.client, image) <= macs < count_macs(wider.client, image)


def test_a_client_without_operations_cannot_pay_for_depth(private):
    client = nn.Sequential(nn.ReLU())
    model = SplitModel(client=client, server=nn.Sequential(nn.Conv2d(1, 4, 3), nn.Flatten(), nn.Linear(784, 2)))
    deeper = SplitModel(client=nn.Sequential(*model.client, *model.server[:1]), server=model.server[1:])
    with pytest.raises(Inapplicable, match="Expected to prune the device to 0 multiply-accumulate operations"):
        share_for(deeper, private.images[:1], 0)


def test_fine_tuning_restores_the_accuracy_of_a_pruned_network(model, train, private):
    results = {}
    for epochs in (0, 1):
        protected = DeeperClient(layers=4, prune=0.5, tuning_epochs=epochs).protect(model, train)
        results[epochs] = accuracy(protected.classify(private.images), private.labels)
    assert results[1] > 0.9
    assert results[1] > results[0]


@pytest.mark.parametrize(
    "client",
    [
        nn.Sequential(nn.Conv2d(4, 8, 3, groups=2)),
        nn.Sequential(nn.Flatten(2), nn.Linear(64, 8), nn.ReLU(), nn.Flatten()),
        nn.Sequential(*[nn.Conv2d(4, 4, 3, padding=1)] * 2),
    ],
    ids=["groups", "tokens", "a repeated layer"],
)
def test_layers_whose_channels_cannot_be_followed_are_refused(client):
    size = client(torch.rand(1, 4, 8, 8)).numel()
    model = SplitModel(client=client, server=nn.Sequential(nn.Flatten(), nn.Linear(size, 2)))
    with pytest.raises(Inapplicable, match="Set prune to 0"):
        prune(model.copy(), 0.5)


def test_normalization_of_flattened_maps_loses_all_numbers_of_a_channel():
    client = nn.Sequential(nn.Conv2d(3, 8, 1), nn.Flatten())
    model = SplitModel(client=client, server=nn.Sequential(nn.BatchNorm1d(128), nn.Linear(128, 2)))
    model.modules().eval()
    prune(model, 0.5)
    assert model.classify(torch.rand(2, 3, 4, 4)).shape == (2, 2)


@pytest.mark.parametrize(("count", "share", "left"), [(10, 0.7, 3), (20, 0.7, 6), (100, 0.45, 55), (3, 0.99, 1)])
def test_the_share_of_channels_is_exact(count, share, left):
    server = nn.Sequential(nn.Flatten(), nn.Linear(count, 2))
    model = SplitModel(client=nn.Sequential(nn.Conv2d(1, count, 2)), server=server)
    prune(model, share)
    assert model.send(torch.rand(1, 1, 2, 2)).tensor.shape[1] == left
