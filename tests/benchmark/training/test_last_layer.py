"""The last layer of a network is the one that is executed last."""

import pytest
import torch
from mia_bench.benchmark.interfaces import ImageSet, Normalize, Target, Training
from mia_bench.benchmark.training import LastLayer, Units, frozen_features, train_head, train_target
from mia_bench.benchmark.training import features as features_module
from torch import Tensor, nn


class Reversed(nn.Module):
    """Registers its last layer first."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(8, 2)
        self.body = nn.Linear(16, 8)

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.body(images.flatten(1)).relu())


def pool(count: int = 64) -> ImageSet:
    images = torch.rand(count, 1, 4, 4)
    return ImageSet(images, 50 + 30 * images.flatten(1)[:, :2], task="regression")


def test_the_order_of_execution_decides_which_layer_is_the_last() -> None:
    network = Reversed().train()
    last = LastLayer.of(network, torch.rand(2, 1, 4, 4))

    assert last is not None
    assert (last.path, last.layer, last.gives_output) == ("head", network.head, True)
    assert network.training


@pytest.mark.parametrize("inplace", [False, True])
@pytest.mark.parametrize("activation", [nn.ReLU, nn.Hardtanh, nn.LeakyReLU, nn.ReLU6])
def test_a_layer_before_an_activation_does_not_give_the_output(activation: type[nn.Module], inplace: bool) -> None:
    """All numbers that the layer gives here are left as they are by the activation."""
    network = nn.Sequential(nn.Flatten(), nn.Linear(4, 1), activation(inplace=inplace))
    nn.init.constant_(network[1].weight, 0.1)
    nn.init.constant_(network[1].bias, 0.5)

    last, whole = (LastLayer.of(each, torch.rand(2, 1, 2, 2)) for each in (network, network[:2]))

    assert last is not None
    assert whole is not None
    assert (last.gives_output, whole.gives_output) == (False, True)


def test_only_the_layer_that_is_executed_last_is_retrained() -> None:
    target = Target(Normalize(torch.zeros(1), torch.ones(1)), nn.Sequential(nn.Sequential(Reversed())))
    before = {name: value.clone() for name, value in target.state_dict().items()}

    train_head(target, pool(), Training(epochs=1))

    changed = {name for name, value in target.state_dict().items() if not torch.equal(value, before[name])}
    assert {name.rpartition(".")[0] for name in changed} == {"layers.0.0.head"}


def test_numbers_far_from_0_are_learned_in_their_own_units() -> None:
    torch.manual_seed(0)
    data, target = pool(256), Target(Normalize(torch.full((1,), 0.5), torch.ones(1)), nn.Sequential(Reversed()))

    train_target(target, data, Training(epochs=5))

    with torch.no_grad():
        assert data.loss(target(data.images), torch.arange(256)) < 0.1  # in units of the variance


def test_units_leave_a_network_alone_whose_last_layer_does_not_give_its_output() -> None:
    network = nn.Sequential(Reversed(), nn.Sigmoid())
    outputs = torch.rand(3, 2)

    assert torch.equal(Units(network, pool())(outputs), outputs)


@pytest.mark.parametrize("limit", [0, 1 << 30])
def test_features_that_are_too_large_are_computed_for_each_batch(limit: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(features_module, "MAX_CACHED_BYTES", limit)
    images, calls = torch.rand(10, 1, 4, 4), []

    def encode(batch: Tensor) -> Tensor:
        calls.append(len(batch))
        return batch.flatten(1) * 2

    features = frozen_features(encode, images, batch_images=4)
    first = len(calls)

    assert torch.equal(features(torch.tensor([7, 2])), images[[7, 2]].flatten(1) * 2)
    assert (len(calls) == first) is bool(limit)
