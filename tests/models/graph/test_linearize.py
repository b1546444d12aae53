"""Networks as sequences of stages: exact, for any number of images, cut wherever one tensor crosses."""

import copy

import pytest
import torch
from mia_bench.benchmark.errors import UsageError
from mia_bench.models._graph import linearize
from torch import Tensor, nn

from . import nets

IMAGE = (3, 8, 8)


def stages_of(network: nn.Module) -> tuple[nn.Module, Tensor, Tensor]:
    """The stages of a network, three images, and what the network made of these before it was divided."""
    images = torch.randn(3, *IMAGE)
    with torch.no_grad():
        expected = network.eval()(images.clone())
    return linearize(network, IMAGE), images, expected


def cuts(network: nn.Module) -> list[str]:
    return [place.name for place in linearize(network, IMAGE).places if not place.reason]


@pytest.mark.parametrize(
    "kind",
    [nets.Sized, nets.Writing, nets.Attending, nets.Flagged, nets.Inside, nets.Counting, nets.Squaring, nets.Checking],
)
def test_the_stages_compute_what_the_network_does_to_the_last_bit(kind: type[nn.Module]) -> None:
    torch.manual_seed(0)
    stages, images, expected = stages_of(kind())
    given = images.clone()
    with torch.no_grad():
        assert torch.equal(stages(given), expected)
    assert torch.equal(given, images)


def test_a_batch_size_read_at_the_beginning_is_computed_anew_behind_each_cut() -> None:
    assert cuts(nets.Sized()) == ["conv", "relu", "deep", "reshape", "fc"]


def test_a_number_that_is_no_multiple_of_the_batch_size_crosses_and_leaves_no_cut() -> None:
    assert cuts(nets.Squaring()) == ["truediv"]


def test_a_condition_on_the_size_of_the_images_is_decided() -> None:
    assert cuts(nets.Checking()) == ["conv", "relu", "mean", "fc", "reshape"]


def test_no_stage_writes_into_what_it_is_given() -> None:
    stages, value, _ = stages_of(nets.Writing())
    for stage in stages.children():
        before = value.clone()
        after = stage(value)
        assert torch.equal(value, before)
        value = after


def test_a_token_made_of_weights_alone_does_not_cross() -> None:
    assert cuts(nets.Attending())[:4] == ["patches", "flatten", "transpose", "cat"]


def test_modules_that_stand_alone_are_the_modules_of_the_network() -> None:
    network = nets.Sized()
    children = dict(linearize(network, IMAGE).named_children())
    assert (children["conv"], children["deep"]) == (network.conv, network.deep)


def test_all_weights_are_kept_and_none_is_copied() -> None:
    network = nets.Attending()
    assert set(linearize(network, IMAGE).parameters()) == set(network.parameters())


def test_a_module_that_cannot_be_traced_is_kept_whole() -> None:
    assert cuts(nets.Inside()) == ["conv", "decide"]


def test_a_stage_can_be_copied_and_trained() -> None:
    stages, images, _ = stages_of(nets.Writing())
    other = copy.deepcopy(stages).train()
    other(images).sum().backward()
    assert all(weight.grad is not None for weight in other.parameters())
    assert all(weight.grad is None for weight in stages.parameters())


@pytest.mark.parametrize(
    ("network", "words"),
    [
        (
            nets.Deciding(),
            r"got Deciding, which cannot: nets.py, line \d+, `if means.sum\(\) > 0:`: .*Rewrite the line",
        ),
        (nets.Tied(), "got 'weight', which is used in front of conv and in front of conv_1"),
        (nets.Answering("dict"), "Expected one tensor, got a dict with out, aux from Answering. Wrap it"),
        (nets.Answering("tuple"), "Expected one tensor, got a tuple from Answering"),
        (nets.Answering("joined"), r"got \(1, 10\) from Answering. Give a network that takes any number of images"),
        (nets.Assigning(), r"`maps\[:, 0\] = 0`: 'Proxy' object does not support item assignment. Rewrite"),
        (nets.Broken(), "Expected finite outputs, got NaN or infinity from Broken. Check its weights"),
        (nn.Conv2d(1, 2, 3), "Expected a network that takes 2 images of 3x8x8, got Conv2d, which does not"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_what_cannot_be_divided_is_refused_in_a_sentence(network: nn.Module, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        linearize(network, IMAGE)
