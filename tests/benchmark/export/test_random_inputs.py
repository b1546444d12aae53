"""Random numbers of a graph become its inputs, and torch can take the same ones."""

from collections.abc import Callable

import pytest
import torch
from mia_bench.benchmark.errors import UsageError
from mia_bench.benchmark.export import graphs
from mia_bench.benchmark.export.graphs import graphs_of
from mia_bench.benchmark.export.halves import Halves
from mia_bench.benchmark.export.random_inputs import GivenNumbers, RandomInput, drawn_shapes
from torch import Tensor, nn

pytest.importorskip("onnxruntime")
pytest.importorskip("onnxscript")


class Noisy(nn.Module):
    def __init__(self, noise: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.noise = noise

    def forward(self, value: Tensor) -> Tensor:
        return value.flatten(1) + self.noise(value).flatten(1)


@pytest.mark.slow
def test_whole_numbers_for_each_image_are_drawn_from_one_input_of_that_length() -> None:
    table = torch.rand(7, 64)
    client = Noisy(lambda value: table[torch.randint(7, (len(value),))])

    graphs = graphs_of(Halves(client, nn.Linear(64, 3), rounds=False), torch.rand(5, 1, 8, 8))

    assert [(each.name, each.distribution, each.shape) for each in graphs.noise] == [("noise", "uniform", ("batch",))]


@pytest.mark.slow
def test_a_distribution_that_cannot_be_an_input_is_refused() -> None:
    client = Noisy(lambda value: torch.bernoulli(value))

    with pytest.raises(UsageError, match=r"Expected random numbers from a normal or a uniform distribution, got Bern"):
        graphs_of(Halves(client, nn.Linear(64, 3), rounds=False), torch.rand(5, 1, 8, 8))


@pytest.mark.slow
def test_a_graph_that_computes_something_else_than_torch_is_refused() -> None:
    calls = iter(range(100))
    client = Noisy(lambda value: torch.full_like(value, float(next(calls))))

    with pytest.raises(UsageError, match=r"Expected the wire of client.onnx to equal that of torch to 0.0001, got oth"):
        graphs_of(Halves(client, nn.Linear(64, 3), rounds=False), torch.rand(5, 1, 8, 8))


def test_torch_takes_given_numbers_in_order_and_then_draws_again() -> None:
    first, second = torch.rand(4), torch.rand(4)

    with GivenNumbers([first, second]):
        taken = torch.rand_like(first), torch.randn_like(first), torch.rand_like(first)

    assert torch.equal(taken[0], first)
    assert torch.equal(taken[1], second)
    assert not torch.equal(taken[2], first)


def test_numbers_of_another_shape_than_torch_draws_are_refused() -> None:
    with (
        GivenNumbers([torch.rand(1, 8, 1)]),
        pytest.raises(
            UsageError, match=r"Expected random numbers of the shape \(1, 8, 5\), got \(1, 8, 1\)\. Draw one n"
        ),
    ):
        torch.randn_like(torch.zeros(1, 8, 5))


class Recurrent(nn.Module):
    """A network over time whose output has noise, or a layer that draws nothing in evaluation mode."""

    def __init__(self, kind: type[nn.RNNBase], width: int, *, noise: bool = True) -> None:
        super().__init__()
        self.layer, self.dropout, self.noise = kind(8, width, batch_first=True), nn.Dropout(0.5), noise

    def forward(self, value: Tensor) -> Tensor:
        output = self.dropout(self.layer(value.squeeze(1))[0])
        return output + torch.randn_like(output) if self.noise else output


@pytest.mark.slow
@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU])
@pytest.mark.parametrize("width", [5, 7])
def test_noise_behind_a_layer_over_time_has_the_shape_of_what_it_is_added_to(
    kind: type[nn.RNNBase], width: int
) -> None:
    halves = Halves(Recurrent(kind, width).eval(), nn.Linear(width, 3), rounds=False)

    found = graphs_of(halves, torch.rand(5, 1, 8, 8))

    assert [each.shape for each in found.noise] == [("batch", 8, width)]
    assert found.compared not in (1, 3, 8, width)
    assert found.compared >= 5


def test_only_draws_are_noted_with_the_number_of_images_in_front() -> None:
    images = torch.rand(5, 1, 8, 8)

    assert drawn_shapes(Recurrent(nn.LSTM, 5).eval(), images) == [("batch", 8, 5)]
    assert drawn_shapes(Recurrent(nn.LSTM, 5, noise=False).eval(), images) == []
    assert drawn_shapes(Noisy(lambda value: torch.rand(1, *value.shape[1:])), images) == [(1, 1, 8, 8)]


@pytest.mark.parametrize(
    "noise",
    [
        lambda value: torch.randn(value.shape[1:] + value.shape[:1]).movedim(-1, 0),
        lambda value: torch.randn(2 * len(value), *value.shape[1:])[: len(value)],
    ],
)
def test_the_number_of_images_elsewhere_in_a_shape_is_refused(noise: Callable[[Tensor], Tensor]) -> None:
    with pytest.raises(UsageError, match=r"Expected random numbers whose first size is the number of images and whose"):
        drawn_shapes(Noisy(noise), torch.rand(5, 1, 8, 8))


@pytest.mark.slow
def test_noise_that_the_graph_lets_spread_over_the_features_is_found_in_the_comparison(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wrong = [RandomInput("noise", "normal", (0.0, 1.0), ("batch", "batch"))]
    expose = graphs.expose
    monkeypatch.setattr(
        graphs, "expose", lambda model, shapes: expose(model, [each.shape for each in wrong][: len(shapes)])
    )
    client = Noisy(lambda value: torch.randn_like(value.flatten(1)[:, :5]).sum(1, keepdim=True))

    with pytest.raises(UsageError, match=r"Expected random numbers of the shape \(1, 5\), got \(1, 1\)"):
        graphs_of(Halves(client, nn.Linear(64, 3), rounds=False), torch.rand(5, 1, 8, 8))


def test_a_graph_that_onnx_runtime_cannot_run_is_one_sentence_and_nothing_else(
    capfd: pytest.CaptureFixture[str],
) -> None:
    onnx = pytest.importorskip("onnx")
    tensor = onnx.helper.make_tensor_value_info
    nodes = [onnx.helper.make_node("Add", ["image", "other"], ["wire"])]
    inputs = [tensor(name, 1, ["batch", size]) for name, size in (("image", "a"), ("other", "b"))]
    graph = onnx.helper.make_graph(nodes, "sum", inputs, [tensor("wire", 1, ["batch", "c"])])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 18)], ir_version=10)

    with pytest.raises(UsageError) as failed:
        graphs._run("client.onnx", model.SerializeToString(), {"image": torch.zeros(2, 5), "other": torch.zeros(2, 7)})
    assert str(failed.value) == (
        "Expected ONNX Runtime to run client.onnx for 2 images, got an error of its operator Add. Choose another split "
        "or another defense."
    )
    with pytest.raises(UsageError, match=r"run client.onnx for 2 images, got [^/:]*\w\. Choose another split"):
        graphs._run("client.onnx", b"no graph", {"image": torch.zeros(2, 5)})
    assert capfd.readouterr() == ("", "")


@pytest.mark.slow
def test_code_that_decides_by_numbers_is_refused_in_one_sentence(capfd: pytest.CaptureFixture[str]) -> None:
    client = Noisy(lambda value: value * 2 if value.mean() > 0 else value)

    with pytest.raises(UsageError) as failed:
        graphs_of(Halves(client, nn.Linear(64, 3), rounds=False), torch.rand(5, 1, 8, 8))
    assert str(failed.value) == (
        "Expected operations that ONNX has from image to wire, got a condition on the numbers in the images. Choose "
        "another split or another defense."
    )
    assert capfd.readouterr() == ("", "")


@pytest.mark.slow
def test_an_operation_that_onnx_lacks_is_named() -> None:
    client = Noisy(lambda value: value.erfinv())

    with pytest.raises(UsageError) as failed:
        graphs_of(Halves(client, nn.Linear(64, 3), rounds=False), torch.rand(5, 1, 8, 8))
    assert str(failed.value) == (
        "Expected operations that ONNX has from image to wire, got torch.ops.prims.erf_inv. Choose another split or "
        "another defense."
    )
