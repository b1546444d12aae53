"""Networks as sequences of stages: exact, for any number of images, cut wherever one tensor crosses."""

import copy
from collections.abc import Callable

import pytest
import torch
from mia_bench.benchmark.errors import UsageError
from mia_bench.benchmark.interfaces import Target
from mia_bench.benchmark.interfaces.stages import find_cuts
from mia_bench.models._graph import linearize
from torch import Tensor, fx, nn
from torch.ao.nn import quantized
from torch.nn import functional

from .nets import conversions, loops, modules, outputs, sizes, tokens, values, writes

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
    [
        sizes.Sized,
        writes.Writing,
        writes.Assigning,
        writes.Renaming,
        modules.Tied,
        tokens.Attending,
        modules.Flagged,
        values.Inside,
        values.Counting,
        sizes.Squaring,
        sizes.Checking,
        sizes.Filling,
        sizes.Measuring,
        conversions.Converting,
        tokens.Encoding,
        tokens.Masking,
        modules.Naming,
        loops.Reading,
        sizes.Rooting,
        tokens.Transposing,
    ],
)
def test_the_stages_compute_what_the_network_does_to_the_last_bit(kind: type[nn.Module]) -> None:
    torch.manual_seed(0)
    stages, images, expected = stages_of(kind())
    given = images.clone()
    with torch.no_grad():
        assert torch.equal(stages(given), expected)
    assert torch.equal(given, images)


@pytest.mark.parametrize("way", ["images", "flatten", "mask", "base"])
def test_a_write_into_a_view_of_what_is_read_later_is_refused(way: str) -> None:
    words = "got .*, which writes into the memory of .*, which is read later, is another view. Write into a copy, and"
    with pytest.raises(UsageError, match=words):
        linearize(writes.Viewing(way), IMAGE)


def test_the_code_of_a_network_is_told_that_its_images_are_tensors() -> None:
    stages, images, expected = stages_of(values.Asking(lambda value, kind: isinstance(value, kind)))
    with torch.no_grad():
        assert torch.equal(stages(images), expected)
    assert cuts(values.Asking(lambda value, kind: isinstance(value, kind))) == ["clamp", "conv", "mean"]


@pytest.mark.parametrize(
    ("network", "words"),
    [
        (values.Catching(), "got Catching, which cannot: values.py, line .* `if images.min\\(\\) < 0:`: .*Rewrite"),
        (values.Asking(lambda value, kind: type(value) is kind), "got other numbers. Leave out .* type\\(x\\)"),
    ],
    ids=["caught", "type"],
)
def test_code_that_goes_another_way_while_it_is_traced_is_refused(network: nn.Module, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        linearize(network, IMAGE)


def test_stages_are_compared_with_the_network_on_images_as_they_are_normalized() -> None:
    network = values.Asking(lambda value, kind: type(value) is kind and 100 < value.mean() < 200)
    linearize(network, IMAGE)
    with pytest.raises(UsageError, match="got other numbers"):
        linearize(network, IMAGE, (torch.zeros(1), torch.tensor([1 / 255])))


@pytest.mark.parametrize(
    ("kind", "first"),
    [("modules", "transforms.0"), ("v2", "normalize"), ("functions", "resize")],
)
def test_a_network_may_transform_its_images_by_torchvision(kind: str, first: str) -> None:
    torch.manual_seed(0)
    network = conversions.Transforming(kind)
    stages, images, expected = stages_of(network)
    with torch.no_grad():
        assert torch.equal(stages(images), expected)
    assert cuts(network)[0] == first


def test_a_part_that_is_written_is_a_cut() -> None:
    assert cuts(writes.Assigning()) == ["conv", "setitem_1", "setitem_2", "setitem_3", "mean", "fc"]


def test_a_batch_size_read_at_the_beginning_is_computed_anew_behind_each_cut() -> None:
    assert cuts(sizes.Sized()) == ["conv", "relu", "deep", "reshape", "fc"]


def test_the_length_of_a_batch_is_its_number_of_images() -> None:
    assert cuts(sizes.Measuring()) == ["conv", "relu", "reshape"]


def test_a_number_that_is_no_multiple_of_the_batch_size_crosses_and_leaves_no_cut() -> None:
    assert cuts(sizes.Squaring()) == ["truediv"]


def test_a_condition_on_the_size_of_the_images_is_decided() -> None:
    assert cuts(sizes.Checking()) == ["conv", "relu", "mean", "fc", "reshape"]


def test_numbers_that_follow_from_the_size_of_the_images_are_computed() -> None:
    assert cuts(loops.Reading()) == ["conv", "cell_7", "fc"]
    assert cuts(sizes.Rooting()) == ["conv", "flatten", "reshape", "relu", "mean", "truediv"]


@pytest.mark.parametrize(
    "steps",
    [
        lambda sequence: sequence,
        lambda sequence: sequence.unbind(0),
        lambda sequence: reversed(sequence.unbind()),
        lambda sequence: [step[0] for _, step in enumerate(sequence.split(1))],
        lambda sequence: [step.mean(0) for step in torch.chunk(sequence, 4)],
        lambda sequence: (lambda *parts: parts[1:])(*sequence),
    ],
)
def test_a_loop_over_the_steps_of_a_sequence_is_followed(steps: Callable[[Tensor], list[Tensor]]) -> None:
    torch.manual_seed(0)
    network = loops.Stepping(steps)
    stages, images, expected = stages_of(network)
    with torch.no_grad():
        assert torch.equal(stages(images), expected)
    assert cuts(network)[0] == "conv"


def test_no_stage_writes_into_what_it_is_given() -> None:
    stages, value, _ = stages_of(writes.Writing())
    for stage in stages.children():
        before = value.clone()
        after = stage(value)
        assert torch.equal(value, before)
        value = after


def test_a_token_made_of_weights_alone_does_not_cross() -> None:
    assert cuts(tokens.Attending())[:4] == ["patches", "flatten", "transpose", "cat"]


def test_a_cut_at_an_attribute_is_named_after_it_and_not_after_the_layer_that_reads_it() -> None:
    assert cuts(tokens.Transposing()) == ["patches", "flatten", "mT", "norm.layer", "norm.mT", "norm", "head", "mean"]


def test_tensors_of_equal_numbers_are_made_anew_behind_each_cut() -> None:
    assert cuts(sizes.Filling()) == ["conv", "relu", "deep", "add", "add_1", "mean", "fc"]


def test_the_layers_of_an_encoder_of_torch_are_cut_apart() -> None:
    assert cuts(tokens.Encoding())[3:] == ["encoder.layers.0", "encoder.layers.1", "encoder", "mean", "fc"]


def test_an_encoder_of_torch_that_is_given_a_mask_stays_whole() -> None:
    assert cuts(tokens.Masking()) == ["patches", "flatten", "transpose", "encoder", "mean", "fc"]


def test_layers_may_be_named_like_methods_of_a_module() -> None:
    stages = linearize(modules.Naming(), IMAGE)
    target = Target(nn.Identity(), stages)
    images = torch.rand(2, *IMAGE)

    named = ["normalize", "insert", "places", "float", "to", "mean"]
    assert find_cuts(stages, "all") == target.splits == named
    for name in named:
        model = target.split(name)
        assert torch.equal(model.answer(model.send(images)), target(images))


def test_modules_that_stand_alone_are_the_modules_of_the_network() -> None:
    network = sizes.Sized()
    children = dict(linearize(network, IMAGE).named_children())
    assert (children["conv"], children["deep"]) == (network.conv, network.deep)


@pytest.mark.parametrize(
    ("flatten", "kind"),
    [
        (lambda maps: torch.flatten(maps, 1), nn.Flatten),
        (lambda maps: maps.view(maps.size(0), -1), nn.Flatten),
        (lambda maps: maps.reshape(-1, 4 * 6 * 6), nn.Flatten),
        (lambda maps: functional.relu(maps, inplace=True).flatten(1), nn.Flatten),
        (lambda maps: maps.flatten(2), fx.GraphModule),
    ],
)
def test_functions_that_a_layer_of_torch_does_as_well_become_that_layer(
    flatten: Callable[[Tensor], Tensor], kind: type[nn.Module]
) -> None:
    stages, images, expected = stages_of(sizes.Flattening(flatten))
    layers = list(stages.children())
    assert isinstance(layers[-2], kind)
    assert all(isinstance(each, nn.ReLU) for each in layers[1:-2])
    assert torch.equal(stages(images), expected)


def test_all_weights_are_kept_and_none_is_copied() -> None:
    network = tokens.Attending()
    assert set(linearize(network, IMAGE).parameters()) == set(network.parameters())


def test_a_layer_that_is_called_twice_is_cut_behind_each_call_and_has_its_weights_once() -> None:
    network = modules.Tied()
    stages = linearize(network, IMAGE)
    assert [name for name, _ in stages.named_children()] == ["conv", "relu", "conv_1", "mean", "fc"]
    assert set(stages.parameters()) == set(network.parameters())


def test_a_server_has_a_copy_of_weights_that_the_client_has_too() -> None:
    split = Target(nn.Identity(), linearize(modules.Tied(), IMAGE)).split("relu")
    client, server = ({id(weight) for weight in half.parameters()} for half in (split.client, split.server))
    assert not client & server
    assert torch.equal(split.client.conv.weight, split.server.conv_1.weight)


def test_small_buffers_of_whole_numbers_are_kept_by_name() -> None:
    assert [name.rpartition(".")[2] for name in linearize(modules.Ordering(), IMAGE).state_dict()] == ["order"]


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning")
def test_a_network_of_quantized_layers_is_cut_where_numbers_are_no_longer_quantized() -> None:
    class Quantizing(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = quantized.Conv2d(3, 4, 8)
            self.fc = nn.Linear(4, 5)

        def forward(self, images: Tensor) -> Tensor:
            maps = self.conv(torch.quantize_per_tensor(images, 0.02, 64, torch.quint8))
            return self.fc(functional.relu(maps).dequantize().flatten(1))

    assert cuts(Quantizing()) == ["dequantize", "flatten", "fc"]


def test_a_module_that_cannot_be_traced_is_kept_whole() -> None:
    assert cuts(values.Inside()) == ["conv", "decide"]


def test_a_compiled_network_is_the_one_inside() -> None:
    network = nn.DataParallel(nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU()))
    assert cuts(torch.compile(network, backend="eager")) == ["0", "1"]  # pyright: ignore[reportArgumentType]


def test_an_exported_network_is_that_of_its_operations() -> None:
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 5)).eval()
    shapes = ({0: torch.export.Dim("images")},)
    program = torch.export.export(network, (torch.rand(2, *IMAGE),), dynamic_shapes=shapes).module()
    images = torch.rand(3, *IMAGE)
    assert cuts(program) == ["conv2d", "relu", "flatten", "linear"]
    assert torch.equal(linearize(program, IMAGE)(images), network(images))


def test_a_stage_can_be_copied_and_trained() -> None:
    stages, images, _ = stages_of(writes.Writing())
    other = copy.deepcopy(stages).train()
    other(images).sum().backward()
    assert all(weight.grad is not None for weight in other.parameters())
    assert all(weight.grad is None for weight in stages.parameters())


@pytest.mark.parametrize(
    ("network", "words"),
    [
        (
            values.Deciding(),
            r"got Deciding, which cannot: values.py, line \d+, `if means.sum\(\) > 0:`: .*Rewrite the line",
        ),
        (
            values.Scaling(),
            r"`.*float\(images.max\(\)\)`: The code asks for a number that depends on what is in the images, or",
        ),
        (
            outputs.Answering("dict"),
            "Expected one tensor, got a dict with out, aux from Answering. Wrap it.* the logits",
        ),
        (outputs.Answering("named"), "Expected one tensor, got a dict with out from Answering. Wrap it"),
        (
            outputs.Casting(),
            "got other numbers. Leave out what writes .*, and torch.autocast; or write a model plug-in",
        ),
        (outputs.Answering("tuple"), "Expected one tensor, got a tuple from Answering"),
        (outputs.Answering("joined"), r"got \(1, 10\) from Answering. Give a network that takes any number of images"),
        (outputs.Answering("top"), "floating-point numbers, such as logits, got torch.int64 from Answering. Return"),
        (
            outputs.Answering("constant"),
            "Expected outputs that are computed from the images, got others from Answering",
        ),
        (
            outputs.Dropping(),
            "got others from Dropping, which draws random numbers in evaluation mode. Draw them only if",
        ),
        (outputs.Broken(), "Expected finite outputs, got NaN or infinity from Broken. Check its weights"),
        (nn.Bilinear(3, 3, 2), "takes images alone, got Bilinear, which also takes input2. Wrap it in a module"),
        (nn.Conv2d(1, 2, 3), "takes 2 images of 3x8x8, got Conv2d, which does not: .*, or wrap the network in"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_what_cannot_be_divided_is_refused_in_a_sentence(network: nn.Module, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        linearize(network, IMAGE)


@pytest.mark.filterwarnings("ignore:.*torch.jit:FutureWarning")
def test_a_network_of_torchscript_is_refused_in_a_sentence_and_a_part_of_it_is_kept_whole() -> None:
    scripted = torch.jit.trace(nn.Conv2d(3, 4, 3), torch.rand(2, *IMAGE))
    with pytest.raises(UsageError, match="got one of TorchScript, whose operations are hidden"):
        linearize(scripted, IMAGE)  # pyright: ignore[reportArgumentType]
    assert cuts(nn.Sequential(scripted, nn.ReLU())) == ["0", "1"]


def test_what_a_network_keeps_of_its_images_is_no_part_of_its_stages() -> None:
    class Averaging(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.last = nn.Conv2d(3, 2, 3), nn.Flatten()
            self.register_buffer("mean", torch.zeros(1))

        def forward(self, images: Tensor) -> Tensor:
            self.mean += images.mean()
            self.latest = images
            return self.last(self.first(images))

    network = Averaging()

    assert cuts(network) == ["first", "last"]
    assert isinstance(network.mean, Tensor)
    assert not isinstance(network.mean, fx.Proxy)
