"""Networks that are given as objects."""

import copy
from typing import Any

import pytest
import torch
from mia_bench.benchmark.errors import UsageError
from mia_bench.models.module import Module
from torch import Tensor, nn
from torch.nn.utils import prune

SHAPE = (3, 16, 16)


def network(classes: int = 10) -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(16, classes)
    )


def test_stages_compute_what_the_network_does() -> None:
    given, images = network().eval(), torch.rand(2, *SHAPE)

    built = Module.holding(given, {}).build(SHAPE, 10)

    assert torch.equal(built(images), given(images))


def test_a_network_is_left_as_it_was() -> None:
    given = network().double().train()
    given(torch.rand(2, *SHAPE, dtype=torch.float64)).sum().backward()
    before, gradient = copy.deepcopy(given.state_dict()), given[0].weight.grad.clone()

    made = Module.holding(given, {})
    stages = made.build(SHAPE, 10)
    for parameter in stages.parameters():
        parameter.data.zero_()

    assert given.training
    assert given[0].weight.requires_grad
    assert torch.equal(given[0].weight.grad, gradient)
    assert all(torch.equal(value, before[name]) for name, value in given.state_dict().items())
    assert next(made.build(SHAPE, 10).parameters()).abs().sum() > 0


def test_the_name_of_a_network_is_its_class_and_content() -> None:
    one, same, other = (Module.holding(each, {}) for each in (network(), network().train(), network(classes=9)))

    assert one.kind == "Sequential"
    assert one.params == same.params
    assert one.content != other.content
    assert one.given_weights == one.content


def test_wrapped_networks_are_unwrapped() -> None:
    expected = Module.holding(network(), {}).content

    assert Module.holding(torch.compile(network()), {}).content == expected
    assert Module.holding(nn.DataParallel(network()), {}).content == expected


def test_outputs_are_counted_and_have_no_names() -> None:
    made = Module.holding(network(), {})

    assert (made.count_outputs(SHAPE, 3), made.class_names) == (10, None)


def test_a_mean_and_a_deviation_may_be_given() -> None:
    mean, std = Module.holding(network(), {"mean": 0.5, "std": [0.1, 0.2, 0.3]}).normalization(3)

    assert mean.tolist() == [0.5] * 3
    assert std.tolist() == pytest.approx([0.1, 0.2, 0.3])


class _Keeping(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 2)
        self.last: Any = [self.layer(torch.ones(4))]

    def forward(self, images: Tensor) -> Tensor:
        return self.layer(images.flatten(1)[:, :4])


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (nn.Sequential(nn.Flatten(), nn.LazyLinear(3)), "lazy modules"),
        (_Keeping(), "can be copied, got a _Keeping"),
    ],
)
def test_a_network_that_cannot_be_copied_is_refused(given: nn.Module, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        Module.holding(given, {})


@pytest.mark.filterwarnings("ignore:.*torch.jit")
def test_a_network_of_torchscript_is_refused_with_the_remedy() -> None:
    with pytest.raises(UsageError, match=r"got one of TorchScript.* Give the module that it was made from"):
        Module.holding(torch.jit.trace(network().eval(), torch.rand(2, *SHAPE)), {})


def test_a_name_without_a_network_is_refused_with_the_remedy() -> None:
    with pytest.raises(UsageError, match="A command cannot read a network from a session: save its weights"):
        Module(content="sha256:0123456789abcdef").build(SHAPE, 10)


@torch.no_grad()
def test_a_network_that_keeps_computed_weights_is_copied_and_stays_as_it_was() -> None:
    with torch.enable_grad():
        layer = nn.Linear(768, 5)
        prune.l1_unstructured(layer, "weight", 0.5)
    masked, images = layer.weight, torch.rand(2, *SHAPE)
    given = nn.Sequential(nn.Flatten(), layer)
    stages = Module.holding(given, {}).build(SHAPE, 5)
    assert layer.weight is masked
    assert not masked.is_leaf
    assert torch.equal(stages(images), given(images))


def test_one_output_for_two_classes_is_a_label_that_an_image_has_or_not() -> None:
    network = nn.Sequential(nn.Flatten(), nn.Linear(3 * 8 * 8, 1))
    made = Module.holding(network, {})
    with pytest.raises(UsageError, match=r"Expected 2 outputs, .* got 1\. .* give task=multi-label"):
        made.build((3, 8, 8), 2)
