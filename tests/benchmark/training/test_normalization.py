"""Nothing of the normalization that helps the training stays in the architecture."""

import copy

import torch
from mia_bench.benchmark.interfaces import Training
from mia_bench.benchmark.training import add_biases, train_target
from mia_bench.benchmark.training.normalization import fold_normalization, normalize_convolutions
from torch import nn

from .conftest import bright_and_dark, untrained


def test_convolutions_without_a_bias_get_one_before_training_and_not_by_it() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(1, 2, 3, bias=False), nn.Flatten(), nn.Linear(2 * 14 * 14, 2))
    images = torch.rand(3, 1, 16, 16)
    before = network(images)

    add_biases(network)
    names = list(network.state_dict())
    torch.testing.assert_close(network(images), before)
    train_target(network, bright_and_dark(128), Training(epochs=1))

    assert list(network.state_dict()) == names == ["0.weight", "0.bias", "2.weight", "2.bias"]


def test_folding_leaves_the_function_as_it_was() -> None:
    torch.manual_seed(0)
    target = untrained()
    normalize_convolutions(target)
    target(torch.rand(64, 1, 16, 16))  # moves the running statistics
    images, trained = torch.rand(8, 1, 16, 16), copy.deepcopy(target).eval()

    fold_normalization(target)

    assert any(isinstance(part, nn.BatchNorm2d) for part in trained.modules())
    assert not any(isinstance(part, nn.BatchNorm2d) for part in target.modules())
    torch.testing.assert_close(target.eval()(images), trained(images), atol=1e-5, rtol=1e-4)


def test_a_network_with_normalization_of_its_own_keeps_it() -> None:
    network = nn.Sequential(nn.Conv2d(1, 2, 3, bias=False), nn.BatchNorm2d(2))

    add_biases(network)
    normalize_convolutions(network)
    fold_normalization(network)

    assert [type(part) for part in network] == [nn.Conv2d, nn.BatchNorm2d]
    assert network[0].bias is None
