"""What a network does in training only is left in its stages."""

import copy

import pytest
import torch
from mia_bench.models._graph import linearize
from torch import Tensor, fx, nn
from torch.nn import functional

IMAGE = (3, 8, 8)


class Rectified(nn.BatchNorm2d):
    """A batch normalization with its activation."""

    def forward(self, maps: Tensor) -> Tensor:
        return functional.relu(super().forward(maps))


class Centered(nn.Module):
    """A batch normalization that is written anew."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.register_buffer("running_mean", torch.zeros(channels))

    def forward(self, maps: Tensor) -> Tensor:
        mean = maps.mean((0, 2, 3)) if self.training else self.running_mean
        if self.training:
            self.running_mean.lerp_(mean.detach(), 0.1)
        return maps - mean[:, None, None]


class Normalized(nn.Module):
    """Normalizes by a class outside torch."""

    def __init__(self, normalization: nn.Module) -> None:
        super().__init__()
        self.conv, self.normalization, self.fc = nn.Conv2d(3, 4, 3, bias=False), normalization, nn.Linear(4, 5)

    def forward(self, images: Tensor) -> Tensor:
        return self.fc(self.normalization(self.conv(images)).mean((2, 3)))


class Forgetting(nn.Module):
    """Drops numbers by a function, but only if it is trained."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.fc = nn.Conv2d(3, 4, 3), nn.Linear(4, 5)

    def forward(self, images: Tensor) -> Tensor:
        maps = functional.dropout(self.conv(images), p=0.5, training=self.training)
        return self.fc(maps.mean((2, 3)))


@pytest.mark.parametrize("normalization", [Rectified(4), Centered(4)], ids=lambda each: type(each).__name__)
def test_a_batch_normalization_of_an_own_class_is_trained_as_in_the_network(normalization: nn.Module) -> None:
    network, images = Normalized(normalization), torch.rand(6, *IMAGE)
    stages = linearize(copy.deepcopy(network), IMAGE)
    assert [name for name, _ in stages.named_children()] == ["conv", "normalization", "mean", "fc"]
    with torch.no_grad():
        assert torch.equal(stages.train()(images), network.train()(images))
        assert torch.equal(stages.eval()(images), network.eval()(images))
    mean = next(buffer for name, buffer in stages.named_buffers() if name.endswith("running_mean"))
    assert mean.abs().min() > 0


def test_a_batch_normalization_that_also_rectifies_is_not_taken_for_one_that_does_not() -> None:
    stages = dict(linearize(Normalized(Rectified(4)), IMAGE).named_children())
    assert isinstance(stages["normalization"], fx.GraphModule)
    plain = type("Plain", (nn.BatchNorm2d,), {})(4)
    assert dict(linearize(Normalized(plain), IMAGE).named_children())["normalization"] is plain


def test_dropout_by_a_function_drops_in_training_only() -> None:
    network, images = Forgetting(), torch.rand(2, *IMAGE)
    stages = linearize(network, IMAGE)
    assert torch.equal(stages(images), stages(images))
    for each in (stages, copy.deepcopy(stages)):
        torch.manual_seed(0)
        dropped = each.train()(images)
        torch.manual_seed(0)
        assert torch.equal(dropped, network.train()(images))
        assert not torch.equal(dropped, stages.eval()(images))


def test_modules_have_their_mode_as_an_attribute_of_their_own_again() -> None:
    linearize(Forgetting(), IMAGE)
    assert not hasattr(nn.Module, "training")
