"""ONNX files as exporters write them: sizes read from tensors, new operators, weights shared where they are equal."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from mia_bench.benchmark.errors import UsageError
from mia_bench.benchmark.interfaces.stages import Stages, find_cuts
from mia_bench.benchmark.registry.specs import resolve
from mia_bench.models._onnx_runtime import require_same_numbers
from mia_bench.models.onnx import Onnx
from torch import Tensor, nn

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")
pytest.importorskip("onnx2torch")

IMAGE = (3, 8, 8)


class Viewing(nn.Module):
    """Reads the number of images at the beginning, and again in front of the last layers."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.deep = nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 8, 3, padding=1)
        self.hidden, self.fc = nn.Linear(8 * 4 * 4, 6), nn.Linear(6, 5)

    def forward(self, images: Tensor) -> Tensor:
        count, height = images.size(0), images.size(2)
        maps = nn.functional.max_pool2d(self.conv(images).relu(), 2)
        maps = self.deep(maps).relu() / (height**0.5)
        return self.fc(self.hidden(maps.view(maps.size(0), -1)).relu()).view(count, 5)


def stages_of(path: Path) -> Stages:
    return built(path, IMAGE, 5)


def built(path: Path, image: tuple[int, int, int], classes: int = 0) -> Stages:
    model = resolve("models", "onnx", {"path": str(path)}).component
    assert isinstance(model, Onnx)
    return model.build(image, classes)


def answer_of_runtime(path: Path, images: Tensor) -> Tensor:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(path), options)
    return torch.from_numpy(session.run(None, {session.get_inputs()[0].name: images.numpy()})[0])


@torch.no_grad()
def test_a_network_that_reads_the_number_of_images_has_a_cut_behind_each_layer(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network, path = Viewing().eval(), tmp_path / "net.onnx"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network,
            (torch.rand(2, *IMAGE),),
            str(path),
            dynamo=False,
            opset_version=17,
            input_names=["images"],
            dynamic_axes={"images": {0: "count"}},
        )
    assert {node.op_type for node in onnx.load(str(path)).graph.node} >= {"Shape", "Gather", "Concat", "Reshape"}

    stages, images = stages_of(path), torch.rand(5, *IMAGE)

    cuts = ["Conv", "Relu", "MaxPool", "Conv", "Relu", "Div", "Reshape", "Gemm", "Relu", "Gemm", "Reshape"]
    assert [cut.rpartition(".")[2].partition("_")[0] for cut in find_cuts(stages, "all")] == cuts
    assert torch.equal(stages(images), network(images))
    torch.testing.assert_close(stages(images), answer_of_runtime(path, images), rtol=1e-5, atol=1e-6)
    assert {stage.__module__.partition(".")[0] for stage in stages.children()} >= {"torch"}


def save(path: Path, *, opset: int) -> Path:
    """Write a network of newer operators whose two fully connected layers share their weights and their bias."""
    helper, rng, types = onnx.helper, np.random.default_rng(0), onnx.TensorProto
    arrays = {
        "w": rng.standard_normal((4, 3, 3, 3)).astype("f"),
        "gamma": np.ones(8, "f"),
        "square": rng.standard_normal((8, 8)).astype("f"),
        "zeros": np.zeros(8, "f"),
        "fc": rng.standard_normal((5, 8)).astype("f"),
        "sides": np.array([2, 3]),
        "first": np.array(0),
        "place": np.array([0]),
        "rest": np.array([-1]),
    }
    node = helper.make_node
    nodes = [
        node("Identity", ["gamma"], ["same_gamma"]),
        node("Identity", ["zeros"], ["bias"]),
        node("Constant", [], ["two"], value=onnx.numpy_helper.from_array(np.array(2.0, "f"))),
        node("Shape", ["images"], ["shape"]),
        node("Gather", ["shape", "first"], ["count"]),
        node("Unsqueeze", ["count", "place"], ["counts"]),
        node("Concat", ["counts", "rest"], ["sizes"], axis=0),
        node("Conv", ["images", "w"], ["maps"], name="conv"),
        node("Gelu", ["maps"], ["active"], name="gelu"),
        node("Split", ["active"], ["left", "right"], axis=1, num_outputs=2, name="split"),
        node("Concat", ["right", "left", "left", "right"], ["turned"], axis=1, name="concat"),
        node("ReduceMean", ["turned", "sides"], ["mean"], keepdims=0, name="mean"),
        node("LayerNormalization", ["mean", "same_gamma", "bias"], ["normal"], name="norm"),
        node("Gemm", ["normal", "square", "bias"], ["first_hidden"], transB=1, name="first_fc"),
        node("Pow", ["first_hidden", "two"], ["squared"], name="pow"),
        node("Gemm", ["squared", "square", "zeros"], ["second_hidden"], transB=1, name="second_fc"),
        node("Pow", ["second_hidden", "two"], ["squares"], name="second_pow"),
        node("Gemm", ["squares", "fc"], ["values"], transB=1, name="fc"),
        node("Reshape", ["values", "sizes"], ["logits"], allowzero=1, name="reshape"),
    ]
    given = [helper.make_tensor_value_info("images", types.FLOAT, ["count", *IMAGE])]
    results = [helper.make_tensor_value_info("logits", types.FLOAT, None)]
    weights = [onnx.numpy_helper.from_array(array, name) for name, array in arrays.items()]
    graph = helper.make_graph(nodes, "net", given, results, weights)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)]), str(path))
    return path


def test_paths_of_layers_are_not_repeated_in_the_names_of_cuts(tmp_path: Path) -> None:
    path = save(tmp_path / "net.onnx", opset=20)
    network = onnx.load(str(path))
    for node in network.graph.node:
        if node.name in ("conv", "gelu"):
            node.name = f"/layer1/layer1.0/{node.name}"
    onnx.save(network, str(path))

    assert find_cuts(stages_of(path), "all")[:3] == ["layer1.0.conv", "layer1.0.gelu", "concat"]


@torch.no_grad()
@pytest.mark.parametrize("opset", [20, 22])
def test_new_operators_and_shared_weights_are_taken(tmp_path: Path, opset: int) -> None:
    path, images = save(tmp_path / "net.onnx", opset=opset), torch.rand(3, *IMAGE)

    stages = stages_of(path)

    named = ["conv", "gelu", "concat", "mean", "norm", "first_fc", "pow", "second_fc", "second_pow", "fc", "reshape"]
    assert find_cuts(stages, "all") == named
    expected = answer_of_runtime(path, images)
    torch.testing.assert_close(stages(images), expected, rtol=1e-4, atol=1e-4 * float(expected.abs().max()))
    assert [type(stages.get_submodule(name)) for name in ("gelu", "norm", "second_fc")] == [
        nn.GELU,
        nn.LayerNorm,
        nn.Linear,
    ]


def written(
    path: Path, operator: str, inputs: list[str], outputs: list[str], opset: int = 19, **attributes: Any
) -> Path:
    """Write a network of one operator and a sum, for (2, 3, 7, 8) images."""
    helper, number = onnx.helper, onnx.TensorProto.FLOAT
    constants = [
        helper.make_tensor("scales", number, [4], [1, 1, 0.5, 0.5]),
        helper.make_tensor("none", onnx.TensorProto.INT64, [0], []),
        onnx.numpy_helper.from_array(np.random.default_rng(0).standard_normal((4, 3, 4, 4)).astype("f"), "kernel"),
        onnx.numpy_helper.from_array(np.random.default_rng(1).standard_normal((4, 3, 3, 3)).astype("f"), "kernel3"),
    ]
    nodes = [helper.make_node(operator, inputs, outputs, name="it", **attributes)]
    nodes.append(helper.make_node("Add", [outputs[0], outputs[0]], ["end"], name="twice"))
    shapes = [helper.make_tensor_value_info(name, number, None) for name in ("end",)]
    image = helper.make_tensor_value_info("x", number, ["n", 3, 7, 8])
    used = [each for each in constants if each.name in inputs]
    graph = helper.make_graph(nodes, "net", [image], shapes, used)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=9)
    onnx.save(model, str(path))
    return path


@torch.no_grad()
@pytest.mark.parametrize(
    ("operator", "inputs", "outputs", "attributes"),
    [
        ("Split", ["x"], ["a", "b", "c"], {"axis": 2, "num_outputs": 3}),
        ("ReduceMean", ["x", "none"], ["a"], {"noop_with_empty_axes": 1}),
        ("Resize", ["x", "", "scales"], ["a"], {"mode": "linear"}),
    ],
)
def test_operators_that_changed_compute_what_the_reference_does(
    tmp_path: Path, operator: str, inputs: list[str], outputs: list[str], attributes: dict[str, Any]
) -> None:
    from onnx.reference import ReferenceEvaluator

    path = written(tmp_path / "net.onnx", operator, inputs, outputs, **attributes)
    images = torch.rand(2, 3, 7, 8)
    expected = ReferenceEvaluator(str(path)).run(None, {"x": images.numpy()})[0]

    torch.testing.assert_close(built(path, (3, 7, 8))(images), torch.from_numpy(expected), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("operator", "inputs", "attributes"),
    [
        ("Resize", ["x", "", "scales"], {"mode": "linear", "antialias": 1}),
        ("AveragePool", ["x"], {"kernel_shape": [2, 2], "dilations": [2, 2]}),
    ],
)
def test_operators_that_torch_cannot_compute_are_refused(
    tmp_path: Path, operator: str, inputs: list[str], attributes: dict[str, Any]
) -> None:
    path = written(tmp_path / "net.onnx", operator, inputs, ["a"], **attributes)
    with pytest.raises(UsageError, match=f"Expected {operator} without "):
        stages_of(path)


@pytest.mark.parametrize(
    ("operator", "attributes"),
    [
        ("Resize", {"mode": "linear", "coordinate_transformation_mode": "asymmetric"}),
        ("Resize", {"mode": "nearest", "nearest_mode": "ceil"}),
        ("ReduceMax", {"axes": [-1, -2], "keepdims": 0}),
    ],
)
def test_a_file_of_which_other_numbers_are_computed_is_refused(
    tmp_path: Path, operator: str, attributes: dict[str, Any]
) -> None:
    if operator == "ReduceMax":
        path = written(tmp_path / "net.onnx", operator, ["x"], ["a"], opset=13, **attributes)
    else:
        path = written(tmp_path / "net.onnx", operator, ["x", "", "scales"], ["a"], **attributes)
    with pytest.raises(UsageError, match=r"Expected (the )?outputs .*ONNX Runtime.* from what onnx2torch makes of it"):
        built(path, (3, 7, 8))


@torch.no_grad()
def test_an_output_that_is_no_number_is_another_one(tmp_path: Path) -> None:
    path = written(tmp_path / "net.onnx", "Relu", ["x"], ["a"])

    with pytest.raises(UsageError, match="Expected the outputs of ONNX Runtime"):
        require_same_numbers(nn.Threshold(2.0, torch.nan), onnx.load(path), torch.ones(1, *IMAGE), path)


@pytest.mark.parametrize("side", ["SAME_UPPER", "SAME_LOWER"])
@pytest.mark.parametrize(("operator", "kernel", "stride"), [("Conv", 3, 1), ("Conv", 4, 2), ("MaxPool", 2, 2)])
def test_zeros_that_the_file_leaves_open_are_as_many_as_the_runtime_adds(
    tmp_path: Path, operator: str, kernel: int, stride: int, side: str
) -> None:
    inputs = ["x"] if operator == "MaxPool" else ["x", {3: "kernel3", 4: "kernel"}[kernel]]
    path = written(
        tmp_path / "net.onnx",
        operator,
        inputs,
        ["a"],
        auto_pad=side,
        kernel_shape=[kernel, kernel],
        strides=[stride, stride],
    )
    images = torch.rand(2, 3, 7, 8)
    torch.testing.assert_close(built(path, (3, 7, 8))(images), answer_of_runtime(path, images), rtol=1e-4, atol=1e-5)


def save_like_tensorflow(path: Path) -> Path:
    """Write a network that takes images (N, 8, 8, 3)."""
    helper, number, rng = onnx.helper, onnx.TensorProto.FLOAT, np.random.default_rng(0)
    weights = {"kernel": rng.standard_normal((4, 3, 3, 3)), "fc": rng.standard_normal((64, 5))}
    nodes = [
        helper.make_node("Transpose", ["images"], ["turned"], name="turn", perm=[0, 3, 1, 2]),
        helper.make_node("Conv", ["turned", "kernel"], ["maps"], name="conv", auto_pad="SAME_UPPER", strides=[2, 2]),
        helper.make_node("Transpose", ["maps"], ["rows"], name="turn_back", perm=[0, 2, 3, 1]),
        helper.make_node("Flatten", ["rows"], ["flat"], name="flatten"),
        helper.make_node("MatMul", ["flat", "fc"], ["logits"], name="fc"),
    ]
    images = helper.make_tensor_value_info("images", number, ["n", 8, 8, 3])
    logits = helper.make_tensor_value_info("logits", number, ["n", 5])
    constants = [onnx.numpy_helper.from_array(array.astype("f"), name) for name, array in weights.items()]
    graph = helper.make_graph(nodes, "net", [images], [logits], constants)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), str(path))
    return path


@torch.no_grad()
def test_a_network_that_takes_the_channels_last_is_given_them_last(tmp_path: Path) -> None:
    path, images = save_like_tensorflow(tmp_path / "net.onnx"), torch.rand(3, *IMAGE)
    stages = stages_of(path)
    assert find_cuts(stages, "all")[:2] == ["channels_last", "turn"]
    expected = answer_of_runtime(path, images.permute(0, 2, 3, 1).contiguous())
    torch.testing.assert_close(stages(images), expected, rtol=1e-4, atol=1e-5)


def test_images_of_another_size_than_the_file_declares_are_refused_with_that_size(tmp_path: Path) -> None:
    path = save_like_tensorflow(tmp_path / "net.onnx")
    with pytest.raises(UsageError, match=r"Expected images of 3x8x8, as .*net.onnx declares, got 3x16x16."):
        built(path, (3, 16, 16))


@torch.no_grad()
def test_weights_of_bfloat16_are_computed_with_in_single_precision(tmp_path: Path) -> None:
    path, images = save_like_tensorflow(tmp_path / "net.onnx"), torch.rand(2, *IMAGE)
    saved = onnx.load(str(path))
    kind = onnx.helper.tensor_dtype_to_np_dtype(onnx.TensorProto.BFLOAT16)
    for each in saved.graph.initializer:
        each.CopyFrom(onnx.numpy_helper.from_array(onnx.numpy_helper.to_array(each).astype(kind), each.name))
    for each in (*saved.graph.input, *saved.graph.output):
        each.type.tensor_type.elem_type = onnx.TensorProto.BFLOAT16
    short = tmp_path / "short.onnx"
    onnx.save(saved, str(short))
    torch.testing.assert_close(stages_of(short)(images), stages_of(path)(images), rtol=0.05, atol=0.05)
