"""Cutting networks: every split of every model computes what the whole computes."""

from collections import OrderedDict
from dataclasses import replace

import pytest
import torch
from mia_bench.benchmark import registry
from mia_bench.benchmark.errors import UsageError
from mia_bench.benchmark.interfaces import Channel, Model, Normalize, SplitModel, Target, Wire
from mia_bench.benchmark.metrics.exchanges import server_param_bytes
from mia_bench.benchmark.metrics.held_weights import count_weights
from torch import nn

from ...helpers.architectures import ARCHITECTURES

LENET5 = "conv1 relu1 pool1 conv2 relu2 pool2 fc1 relu3 fc2 relu4 fc3"
CNN6 = """conv11 relu11 conv12 relu12 pool1 conv21 relu21 conv22 relu22 pool2
          conv31 relu31 conv32 relu32 pool3 fc1 sigmoid fc2"""


def target_of(name: str, shape: tuple[int, int, int], classes: int = 5) -> Target:
    component = registry.load(registry.find("models", name))()
    assert isinstance(component, Model)
    normalize = Normalize(torch.full(shape[:1], 0.4), torch.full(shape[:1], 0.3))
    return Target(normalize, component.build(shape, classes)).eval()


@pytest.mark.parametrize("name", ARCHITECTURES)
@torch.no_grad()  # torch computes attention by other kernels where gradients are recorded
def test_server_of_client_is_the_whole_model_at_every_split(name: str) -> None:
    """To the last bit; ``every_layer_is_a_split`` checks images of other shapes, up to rounding."""
    target = target_of(name, (3, 20, 24))
    images = torch.rand(2, 3, 20, 24)
    whole = target(images)

    for split in target.splits:
        model = target.split(split)
        assert torch.equal(model.server(model.client(images)), whole)
        assert torch.equal(model.answer(model.send(images)), whole)


@pytest.mark.parametrize(("name", "layers"), [("lenet5", LENET5), ("cnn6", CNN6)])
def test_the_layers_have_the_names_of_the_design(name: str, layers: str) -> None:
    assert target_of(name, (3, 32, 32)).splits == layers.split()


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_logits_have_one_column_per_class(name: str) -> None:
    assert target_of(name, (3, 32, 32), classes=7)(torch.rand(4, 3, 32, 32)).shape == (4, 7)


def test_an_unknown_split_is_refused_with_the_layers() -> None:
    with pytest.raises(UsageError, match=r"Unknown split 'conv9'. Choose one of the layers: conv1, relu1"):
        target_of("lenet5", (1, 28, 28)).split("conv9")


def test_normalization_belongs_to_the_client_at_every_split() -> None:
    model = target_of("lenet5", (1, 28, 28)).split("conv1")

    assert [name for name, _ in model.client.named_children()] == ["normalize", "conv1"]


def test_the_wire_counts_the_bytes_that_are_sent() -> None:
    assert Wire(torch.zeros(3, 8, 2)).nbytes == 3 * 16 * 4
    assert Wire((b"ab", b"cde")).nbytes == 5


def test_a_wire_whose_numbers_are_coded_in_fewer_bytes_counts_those() -> None:
    wire = Wire(torch.zeros(3, 8, 2), packed=5)

    assert wire.nbytes == 15
    assert wire.copy().nbytes == 15
    assert Wire.join([wire, wire]).nbytes == 30


def test_what_the_channel_packs_is_on_the_wire_of_the_model() -> None:
    class Bits(Channel):
        def packed_bytes(self, sent: torch.Tensor) -> int:
            return sent[0].numel() // 8

    model = replace(target_of("lenet5", (1, 28, 28)).split("relu2"), ir_channel=Bits())

    assert model.send(torch.rand(2, 1, 28, 28)).nbytes == 2 * 16 * 8 * 8 // 8


def test_byte_strings_read_as_numbers_are_cut_to_the_shortest() -> None:
    numbers = Wire((bytes([0, 255]), bytes([51, 0, 7]))).tensor

    torch.testing.assert_close(numbers, torch.tensor([[0.0, 1.0], [0.2, 0.0]]))


def test_a_split_does_not_move_between_layers_with_the_same_name() -> None:
    model = SplitModel(client=nn.Sequential(nn.Flatten(), nn.Linear(64, 8)), server=nn.Sequential(nn.ReLU()))

    with pytest.raises(ValueError, match="different names, got '0' in the client and in the server"):
        model.moved_behind("0")


def test_a_split_that_moves_over_layers_with_shared_weights_is_the_one_behind_them() -> None:
    layers = nn.Sequential(OrderedDict(flat=nn.Flatten(), **{name: nn.Linear(49, 49) for name in "abc"}))
    for name in "bc":
        layers.get_submodule(name).weight = layers.get_submodule("a").weight
    target, images = Target(Normalize(torch.zeros(1), torch.ones(1)), layers), torch.rand(2, 1, 7, 7)
    model = target.split("a").copy()

    moved, direct = model.moved_behind("b"), target.split("b")

    assert count_weights(moved.client) == count_weights(direct.client) == 49 * 49 + 2 * 49
    assert server_param_bytes(moved) == server_param_bytes(direct) == 4 * (49 * 49 + 49)
    assert torch.equal(moved.send(images).tensor, direct.send(images).tensor)
    assert torch.equal(moved.classify(images), target(images))
    assert count_weights(model.modules()) == 2 * 49 * 49 + 3 * 49  # the given model is as it was


@pytest.mark.parametrize("count", [0, -3])
def test_accuracy_is_measured_on_at_least_one_image(count: int) -> None:
    model = target_of("lenet5", (1, 28, 28)).split("relu2")

    with pytest.raises(ValueError, match=f"Expected accuracy_images of at least 1, got {count}. Leave it out"):
        replace(model, accuracy_images=count)
