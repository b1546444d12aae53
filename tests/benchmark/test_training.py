"""Training: what is learned, and that nothing of the recipe stays in the architecture."""

import copy

import pytest
import torch
from mia_bench.benchmark.errors import Inapplicable
from mia_bench.benchmark.interfaces import ImageSet, Normalize, Target, Training
from mia_bench.benchmark.training import (
    add_biases,
    augment,
    fit,
    fold_normalization,
    normalize_convolutions,
    plan,
    train_target,
    untrained_copy,
)
from mia_bench.models.lenet5 import Lenet5
from torch import Tensor, nn
from torchvision.ops.misc import FrozenBatchNorm2d


def untrained() -> Target:
    return Target(Normalize(torch.tensor([0.5]), torch.tensor([0.5])), Lenet5().build((1, 16, 16), 2))


def bright_and_dark(count: int) -> ImageSet:
    labels = torch.arange(count) % 2
    return ImageSet((0.3 * torch.rand(count, 1, 16, 16) + 0.4 * labels.view(-1, 1, 1, 1)), labels)


def test_a_target_learns_and_keeps_its_architecture() -> None:
    torch.manual_seed(0)
    target, shape = untrained(), [type(part) for part in untrained().modules()]

    train_target(target, bright_and_dark(128), Training(epochs=10))

    test = bright_and_dark(40)
    assert (target(test.images).argmax(1) == test.labels).float().mean() > 0.95
    assert [type(part) for part in target.modules()] == shape
    assert not target.training


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


def test_shifted_images_are_the_originals_moved_by_at_most_the_shift() -> None:
    torch.manual_seed(0)
    images = torch.zeros(200, 1, 9, 9)
    images[:, :, 4, 4] = 1

    moved = augment(images, Training(shift=2))

    places = {tuple(place) for place in moved[:, 0].nonzero()[:, 1:].tolist()}
    assert places == {(row, column) for row in range(2, 7) for column in range(2, 7)}


def test_half_of_the_images_are_mirrored() -> None:
    torch.manual_seed(0)
    images = torch.arange(4.0).expand(1000, 1, 1, 4)

    mirrored = augment(images, Training(flip=True))[:, 0, 0, 0] == 3

    assert mirrored.float().mean() == pytest.approx(0.5, abs=0.06)


def test_fit_finds_the_least_squares_solution() -> None:
    torch.manual_seed(0)
    inputs, truth = torch.randn(256, 4), torch.tensor([1.0, -2.0, 0.5, 0.0])
    weights = nn.Parameter(torch.zeros(4))

    def loss(batch: Tensor) -> Tensor:
        return (inputs[batch] @ weights - inputs[batch] @ truth).square().mean()

    fit([weights], loss, count=256, epochs=60, batch_size=32, learning_rate=0.1)

    torch.testing.assert_close(weights.detach(), truth, atol=1e-2, rtol=0)


def test_a_client_whose_weights_cannot_be_reset_is_not_handed_out() -> None:
    class Stubborn(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.arange(3.0))

    with pytest.raises(Inapplicable, match=r"0\.weight .*has no reset_parameters"):
        untrained_copy(nn.Sequential(Stubborn()))


def test_an_untrained_copy_has_the_structure_and_none_of_the_weights() -> None:
    target = untrained().requires_grad_(False)

    fresh = untrained_copy(target)

    for (name, old), (_, new) in zip(target.named_parameters(), fresh.named_parameters(), strict=True):
        assert old.shape == new.shape
        assert not torch.equal(old, new), name
        assert new.requires_grad


@pytest.mark.parametrize("count", [1, 2, 20, 60, 300])
def test_few_images_make_as_many_steps_as_a_pass_needs(count: int) -> None:
    weight, seen = nn.Parameter(torch.zeros(1)), []

    def loss(batch: Tensor) -> Tensor:
        seen.append(batch)
        return weight.square().sum()

    fit([weight], loss, count=count, epochs=2, batch_size=128, learning_rate=0.1, least=50)

    assert len(seen) == 2 * 50
    assert {len(batch) for batch in seen} == {min(count, 32)}
    assert all(len(batch.unique()) == len(batch) for batch in seen)
    assert len(torch.cat(seen).unique()) == count


@pytest.mark.parametrize("least", [1, 20])
def test_many_images_make_the_same_steps_with_and_without_a_least_number(least: int) -> None:
    assert plan(2625, epochs=25, batch_size=128, least=least) == (25 * 20, 128)
    assert plan(50_000, epochs=8, batch_size=128, least=25) == (8 * 390, 128)


def test_no_pass_is_no_training() -> None:
    assert plan(20, epochs=0, batch_size=128, least=100).steps == 0


def test_a_target_learns_from_forty_images() -> None:
    torch.manual_seed(0)
    target = untrained()

    train_target(target, bright_and_dark(40), Training(epochs=1))

    test = bright_and_dark(40)
    assert (target(test.images).argmax(1) == test.labels).float().mean() > 0.9


def test_an_untrained_copy_keeps_the_normalization_of_images_but_no_frozen_statistics() -> None:
    images = Normalize(torch.tensor([0.4, 0.5, 0.6]), torch.ones(3))
    untrained_copy(nn.Sequential(images, nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)))
    frozen = FrozenBatchNorm2d(4)
    frozen.running_mean.copy_(torch.arange(4))

    with pytest.raises(Inapplicable, match="The buffer running_mean of FrozenBatchNorm2d has no reset"):
        untrained_copy(nn.Sequential(images, nn.Conv2d(3, 4, 3), frozen))
