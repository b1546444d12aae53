"""What a network does in training only is left in its stages."""

import copy

import pytest
import torch
from mia_bench.models._graph import linearize
from torch import fx, nn

from . import nets

IMAGE = (3, 8, 8)


@pytest.mark.parametrize("normalization", [nets.Rectified(4), nets.Centered(4)], ids=lambda each: type(each).__name__)
def test_a_batch_normalization_of_an_own_class_is_trained_as_in_the_network(normalization: nn.Module) -> None:
    network, images = nets.Normalized(normalization), torch.rand(6, *IMAGE)
    stages = linearize(copy.deepcopy(network), IMAGE)
    assert [name for name, _ in stages.named_children()] == ["conv", "normalization", "mean", "fc"]
    with torch.no_grad():
        assert torch.equal(stages.train()(images), network.train()(images))
        assert torch.equal(stages.eval()(images), network.eval()(images))
    mean = next(buffer for name, buffer in stages.named_buffers() if name.endswith("running_mean"))
    assert mean.abs().min() > 0


def test_a_batch_normalization_that_also_rectifies_is_not_taken_for_one_that_does_not() -> None:
    stages = dict(linearize(nets.Normalized(nets.Rectified(4)), IMAGE).named_children())
    assert isinstance(stages["normalization"], fx.GraphModule)
    plain = type("Plain", (nn.BatchNorm2d,), {})(4)
    assert dict(linearize(nets.Normalized(plain), IMAGE).named_children())["normalization"] is plain


def test_dropout_by_a_function_drops_in_training_only() -> None:
    network, images = nets.Forgetting(), torch.rand(2, *IMAGE)
    stages = linearize(network, IMAGE)
    assert torch.equal(stages(images), stages(images))
    for each in (stages, copy.deepcopy(stages)):
        torch.manual_seed(0)
        dropped = each.train()(images)
        torch.manual_seed(0)
        assert torch.equal(dropped, network.train()(images))
        assert not torch.equal(dropped, stages.eval()(images))


def test_modules_have_their_mode_as_an_attribute_of_their_own_again() -> None:
    linearize(nets.Forgetting(), IMAGE)
    assert not hasattr(nn.Module, "training")
