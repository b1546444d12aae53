"""Nothing of the normalization that helps the training stays in the architecture."""

import copy
from collections.abc import Callable

import pytest
import torch
from mia_bench.benchmark.interfaces import Training
from mia_bench.benchmark.training import add_biases, train_target
from mia_bench.benchmark.training.normalization import fold_normalization, normalize_convolutions
from torch import Tensor, fx, nn
from torch.nn import functional
from torch.nn.utils import parametrizations, prune, spectral_norm, weight_norm

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


def one_layer_in_two_places() -> list[nn.Module]:
    shared = nn.Conv2d(2, 2, 3, padding=1)
    return [shared, nn.ReLU(), shared]


def one_layer_in_two_blocks() -> list[nn.Module]:
    shared = nn.Conv2d(2, 2, 3, padding=1)
    return [nn.Sequential(shared, nn.ReLU()), nn.Sequential(shared, nn.ReLU())]


def one_weight_of_two_layers() -> list[nn.Module]:
    first, second = (nn.Conv2d(2, 2, 3, padding=1, bias=False) for _ in range(2))
    second.weight = first.weight
    return [first, nn.ReLU(), second]


def one_weight_of_a_convolution_and_another_layer() -> list[nn.Module]:
    first, second = nn.Conv2d(2, 2, 3, padding=1), nn.ConvTranspose2d(2, 2, 3, padding=1)
    second.weight = first.weight
    return [first, nn.ReLU(), second]


class Autoencoder(nn.Module):
    """Reads the weight of a layer that it calls."""

    def __init__(self) -> None:
        super().__init__()
        self.encode = nn.Conv2d(2, 2, 3, padding=1)

    def forward(self, maps: Tensor) -> Tensor:
        return functional.conv_transpose2d(self.encode(maps).relu(), self.encode.weight, padding=1)


SHARING: list[Callable[[], list[nn.Module]]] = [
    one_layer_in_two_places,
    one_layer_in_two_blocks,
    one_weight_of_two_layers,
    one_weight_of_a_convolution_and_another_layer,
    lambda: [fx.symbolic_trace(Autoencoder())],
]


def half_pruned(layer: nn.Conv2d) -> nn.Conv2d:
    return prune.random_unstructured(layer, "weight", amount=0.5)


COMPUTING: list[Callable[[nn.Conv2d], nn.Module]] = [
    parametrizations.weight_norm,
    parametrizations.spectral_norm,
    pytest.param(weight_norm, marks=pytest.mark.filterwarnings("ignore:.*weight_norm:FutureWarning")),
    spectral_norm,
    half_pruned,
]


def assert_trained_network_is_kept(layers: Callable[[], list[nn.Module]]) -> None:
    """Compare a network with a new one that is given its saved weights, as from the cache."""

    def build() -> nn.Sequential:
        network = nn.Sequential(nn.Conv2d(1, 2, 3, stride=4), *layers(), nn.Flatten(), nn.Linear(2 * 4 * 4, 2)).eval()
        add_biases(network)
        with torch.no_grad():
            network(torch.rand(1, 1, 16, 16))  # a hook computes the weight, of which a copy is taken
        return network

    images, trained, loaded = torch.rand(8, 1, 16, 16), build(), build()

    train_target(trained, bright_and_dark(64), Training(epochs=1))
    loaded.load_state_dict(copy.deepcopy(trained).state_dict())

    torch.testing.assert_close(loaded.eval()(images), trained(images), atol=0, rtol=0)


@pytest.mark.parametrize("layers", SHARING)
@pytest.mark.usefixtures("brief")
def test_a_network_with_a_shared_convolution_is_the_same_when_its_weights_are_loaded(
    layers: Callable[[], list[nn.Module]],
) -> None:
    assert_trained_network_is_kept(layers)


@pytest.mark.parametrize("compute", COMPUTING)
@pytest.mark.usefixtures("brief")
def test_a_network_with_computed_weights_is_trained_and_is_the_same_when_its_weights_are_loaded(
    compute: Callable[[nn.Conv2d], nn.Module],
) -> None:
    assert_trained_network_is_kept(lambda: [compute(nn.Conv2d(2, 2, 3, padding=1, bias=False))])


def test_only_the_convolutions_that_share_a_weight_are_left_without_a_normalization() -> None:
    network = nn.Sequential(nn.Conv2d(1, 2, 3), *one_layer_in_two_blocks())

    normalize_convolutions(network)

    assert [isinstance(network[0], nn.Sequential), *(type(block[0]) for block in network[1:])] == [
        True,
        nn.Conv2d,
        nn.Conv2d,
    ]
