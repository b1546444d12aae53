"""The plain, the residual and the inception network: comparable but for their blocks."""

import itertools
from typing import cast

import pytest
import torch
from mia_bench.benchmark import registry
from mia_bench.benchmark.interfaces import Model
from mia_bench.models.inception import InceptionModule
from mia_bench.models.plain import Plain
from mia_bench.models.resnet import Residual, Resnet
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

STAGED = ["plain", "resnet", "inception"]
COMMON = ["conv1", "relu1", "pool1", "stage1", "conv2", "relu2", "stage2", "conv3", "relu3", "stage3", "average", "fc"]


def build(name: str, size: int = 32, **params: int) -> nn.Sequential:
    return cast(Model, registry.load(registry.find("models", name))(**params)).build((3, size, size), 10).eval()


def shapes(net: nn.Sequential, size: int = 32) -> dict[str, tuple[int, ...]]:
    value, found = torch.rand(1, 3, size, size), {}
    for name, layer in net.named_children():
        value = layer(value)
        found[name] = tuple(value.shape[1:])
    return found


@torch.no_grad()
def price(net: nn.Sequential) -> tuple[int, int]:
    """Multiplications for one image, and parameters."""
    with FlopCounterMode(display=False) as counter:
        net(torch.rand(1, 3, 32, 32))
    return counter.get_total_flops() // 2, sum(weight.numel() for weight in net.parameters())


@pytest.mark.parametrize("name", STAGED)
def test_the_ends_of_the_stages_have_the_same_names_at_every_depth(name: str) -> None:
    assert list(dict(build(name).named_children())) == COMMON
    deep = list(dict(build(name, depth=3).named_children()))
    assert [layer for layer in deep if not layer.startswith("block")] == COMMON
    assert [layer for layer in deep if layer.startswith("block")] == [f"block{s}{b}" for s in (1, 2, 3) for b in (1, 2)]
    assert deep.index("block12") == deep.index("stage1") - 1


@pytest.mark.parametrize("size", [16, 28, 32, 96, 224])
def test_equal_names_mean_equal_shapes(size: int) -> None:
    plain, resnet, inception = (shapes(build(name, size), size) for name in STAGED)
    assert plain == resnet == inception
    deep = shapes(build("inception", size, depth=2), size)
    assert all(deep[layer] == plain[layer] for layer in plain)


@pytest.mark.parametrize("size", [16, 32])
def test_the_stages_halve_the_map_and_double_the_channels(size: int) -> None:
    found = shapes(build("plain", size, width=8), size)
    assert found["relu1"] == (8, size, size)
    assert found["stage1"] == (8, size // 2, size // 2)
    assert found["stage2"] == (16, size // 4, size // 4)
    assert found["stage3"] == (32, size // 8, size // 8)
    assert found["average"] == (32,)


def test_large_images_are_taken_in_at_half_their_resolution() -> None:
    assert shapes(build("plain", 64), 64)["conv1"] == (16, 64, 64)
    assert shapes(build("plain", 96), 96)["conv1"] == (16, 48, 48)


@pytest.mark.parametrize("depth", [1, 3])
def test_skips_cost_nothing_and_inception_modules_cost_alike(depth: int) -> None:
    plain, resnet, inception = (price(build(name, depth=depth)) for name in STAGED)
    assert plain == resnet
    for ours, theirs in zip(inception, plain, strict=True):
        assert 0.6 < ours / theirs < 1


def longest_path(block: nn.Module, channels: int) -> int:
    """How many cells away an input still reaches one output, which tells the kernels along the widest path."""
    maps = torch.rand(1, channels, 21, 21, requires_grad=True)
    block.double()(maps.double())[0, :, 10, 10].sum().backward()
    reached = cast(Tensor, maps.grad)[0].abs().sum(0).nonzero()
    return int((reached - 10).abs().max())


def test_two_3x3_convolutions_see_as_far_as_one_5x5() -> None:
    torch.manual_seed(0)
    assert longest_path(Plain().block(8), 8) == longest_path(Residual(8), 8) == longest_path(InceptionModule(8), 8) == 2


@pytest.mark.parametrize("name", STAGED)
def test_each_block_is_two_convolutions_deep(name: str) -> None:
    """The longest chain of operations on the way back from the output."""
    block = cast(nn.Module, registry.load(registry.find("models", name))().block(8))

    def depth(node: object) -> int:
        if node is None:
            return 0
        following = [depth(before) for before, _ in getattr(node, "next_functions", ())]
        return max(following, default=0) + ("Convolution" in type(node).__name__)

    assert depth(block(torch.rand(1, 8, 6, 6)).grad_fn) == 2


@pytest.mark.parametrize("name", STAGED)
def test_the_parameter_depth_is_the_number_of_blocks(name: str) -> None:
    convolutions = [
        sum(isinstance(part, nn.Conv2d) for part in build(name, depth=depth).modules()) for depth in (1, 2, 3)
    ]
    steps = {after - before for before, after in itertools.pairwise(convolutions)}
    assert steps == {3 * {"plain": 2, "resnet": 2, "inception": 6}[name]}


def test_a_skip_is_a_skip() -> None:
    block = Residual(8)
    for weight in block.parameters():
        nn.init.zeros_(weight)
    maps = torch.rand(2, 8, 5, 5)  # not negative, as behind a ReLU
    assert torch.equal(block(maps), maps)


def test_without_its_skips_the_residual_network_is_the_plain_one() -> None:
    torch.manual_seed(0)
    residual, plain = Resnet().block(8), Plain().block(8)
    plain.load_state_dict(residual.state_dict())
    maps = torch.rand(2, 8, 5, 5)
    inner = cast(nn.Sequential, plain)[:3](maps)
    torch.testing.assert_close(residual(maps), (maps + inner).relu())


def test_the_branches_of_an_inception_module_lie_side_by_side() -> None:
    torch.manual_seed(0)
    module = InceptionModule(16)
    maps = torch.rand(2, 16, 6, 6)
    one, three, five, pooled = (cast(Tensor, branch(maps)) for branch in module.branches)
    assert [branch.shape[1] for branch in (one, three, five, pooled)] == [2, 8, 4, 2]
    assert torch.equal(module(maps), torch.cat([one, three, five, pooled], 1))


def test_no_block_is_shared_between_places() -> None:
    net = build("resnet", depth=2)
    weights = [weight.data_ptr() for weight in net.parameters()]
    assert len(weights) == len(set(weights))
