"""Operators of ONNX files that onnx2torch does not know, or knows in part."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from mia_bench.benchmark.errors import UsageError
from mia_bench.benchmark.metrics.held_weights import count_weights
from mia_bench.benchmark.registry.specs import resolve
from mia_bench.models.onnx import Onnx
from torch import Tensor, nn
from torch.nn import functional

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")
pytest.importorskip("onnx2torch")
pytestmark = pytest.mark.usefixtures("one_onnx_registry")

IMAGE = (8, 6, 8)
NUMBERS = np.random.default_rng(0)
CONSTANTS = {
    "minus_one": np.array(-1),
    "three": np.array(3, "f"),
    "half": np.array(0.5, "f"),
    "eight": np.array(8),
    "off_on": np.array([-2, 5], "f"),
    "two": NUMBERS.standard_normal(2).astype("f"),
    "each": NUMBERS.standard_normal(8).astype("f"),
    "kernel": NUMBERS.standard_normal((8, 2, 3, 3)).astype("f"),
    "whole": NUMBERS.integers(-128, 127, (4, 8, 3, 3), dtype=np.int8),
    "step": np.array(0.01, "f"),
    "steps": NUMBERS.random(4).astype("f"),
    "zeros": NUMBERS.integers(-9, 9, 4, dtype=np.int8),
    "yes": np.array(True),
    "no": np.array(False),
}


def written(path: Path, *nodes: Any, opset: int = 17, shape: list[Any] | None = None) -> Path:
    """Write a network of some operators from x to y, with the constants that they use."""
    helper, types = onnx.helper, onnx.TensorProto
    used = {name for node in nodes for name in node.input}
    held = [onnx.numpy_helper.from_array(value, name) for name, value in CONSTANTS.items() if name in used]
    given, gives = (
        helper.make_tensor_value_info(name, types.FLOAT, sizes) for name, sizes in (("x", shape), ("y", None))
    )
    graph = helper.make_graph([*nodes, helper.make_node("Add", ["it", "it"], ["y"])], "net", [given], [gives], held)
    versions = [helper.make_opsetid("", opset), helper.make_opsetid("com.microsoft", 1)]
    onnx.save(helper.make_model(graph, opset_imports=versions, ir_version=8 if opset < 21 else 11), str(path))
    return path


def node(operator: str, *inputs: str, gives: str = "it", domain: str = "", **attributes: Any) -> Any:
    return onnx.helper.make_node(operator, ["x", *inputs], [gives], domain=domain, name=operator, **attributes)


def built(path: Path) -> nn.Module:
    model = resolve("models", "onnx", {"path": str(path)}).component
    assert isinstance(model, Onnx)
    return model.build(IMAGE, 0)


@torch.no_grad()
def compare(path: Path) -> None:
    """Compare what is made of a file with ONNX Runtime."""
    images, options = torch.rand(3, *IMAGE) * 4 - 2, onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(str(path), options)
    expected = torch.from_numpy(session.run(None, {session.get_inputs()[0].name: images.numpy()})[0])
    torch.testing.assert_close(built(path)(images), expected, rtol=1e-4, atol=1e-5)


POOL: dict[str, Any] = {"kernel_shape": [3, 3], "strides": [2, 2]}


@pytest.mark.parametrize(
    "it",
    [
        node("Trilu"),
        node("Trilu", "minus_one", upper=0),
        node("Clip", "", "half"),
        node("Gelu", domain="com.microsoft"),
        node("GlobalMaxPool"),
        node("ThresholdedRelu", alpha=0.3),
        node("DepthToSpace", blocksize=2),
        node("DepthToSpace", blocksize=2, mode="CRD"),
        node("SpaceToDepth", blocksize=2),
        node("AveragePool", **POOL, auto_pad="SAME_UPPER"),
        node("AveragePool", **POOL, auto_pad="SAME_LOWER", count_include_pad=1),
        node("AveragePool", **POOL, pads=[0, 1, 1, 0]),
        node("ConvTranspose", "kernel", "two", strides=[2, 2], auto_pad="SAME_UPPER"),
        node("ConvTranspose", "kernel", strides=[2, 2], auto_pad="SAME_LOWER", group=4),
        node("ConvTranspose", "kernel", "two", strides=[1, 2], pads=[0, 1, 2, 0], output_padding=[0, 1]),
    ],
    ids=lambda it: it.op_type,
)
def test_operators_compute_what_the_runtime_does(it: Any, tmp_path: Path) -> None:
    compare(written(tmp_path / "net.onnx", it, shape=["n", *IMAGE]))


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_classes_by_their_indices_are_numbers_on_any_axis(axis: int, tmp_path: Path) -> None:
    index = node("ArgMax", axis=1, keepdims=0, gives="index")
    shifted = onnx.helper.make_node("Add", ["index", "minus_one"], ["below"])
    named = onnx.helper.make_node("OneHot", ["below", "eight", "off_on"], ["hot"], axis=1)
    turned = onnx.helper.make_node("Transpose", ["hot"], ["it"], perm=[0, *np.roll([1, 2, 3], axis).tolist()])
    compare(written(tmp_path / "net.onnx", index, shifted, named, turned, shape=["n", *IMAGE]))


@pytest.mark.parametrize(
    ("opset", "it"),
    [
        (18, node("Mish")),
        (18, node("GroupNormalization", "two", "two", num_groups=2)),
        (20, node("Gelu", approximate="tanh")),
        (21, node("GroupNormalization", "each", "each", num_groups=2, epsilon=0.1)),
        (23, node("RMSNormalization", "each", epsilon=0.1)),
        (24, node("Swish", alpha=1.5)),
    ],
    ids=lambda value: getattr(value, "op_type", None),
)
@torch.no_grad()
def test_newer_operators_compute_what_the_reference_does(opset: int, it: Any, tmp_path: Path) -> None:
    from onnx.reference import ReferenceEvaluator

    path, images = written(tmp_path / "net.onnx", it, opset=opset, shape=["n", *IMAGE]), torch.rand(3, *IMAGE)
    if it.op_type == "GroupNormalization" and opset == 18:
        compare(path)
        return
    (expected,) = ReferenceEvaluator(str(path)).run(None, {"x": images.numpy()})
    torch.testing.assert_close(built(path)(images), torch.from_numpy(np.array(expected)), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("condition", ["yes", "no"])
def test_the_branch_of_a_constant_condition_is_taken(condition: str, tmp_path: Path) -> None:
    helper, types = onnx.helper, onnx.TensorProto
    branches = [
        helper.make_graph(
            [helper.make_node(operator, ["maps"], [f"of_{operator}"])],
            operator,
            [],
            [helper.make_tensor_value_info(f"of_{operator}", types.FLOAT, None)],
        )
        for operator in ("Relu", "Neg")
    ]
    chosen = helper.make_node("If", [condition], ["it"], then_branch=branches[0], else_branch=branches[1])
    compare(written(tmp_path / "net.onnx", node("Abs", gives="maps"), chosen, shape=["n", *IMAGE]))


@pytest.mark.parametrize("inputs", [("step",), ("steps", "zeros")])
def test_weights_in_whole_numbers_are_read_as_what_they_mean(inputs: tuple[str, ...], tmp_path: Path) -> None:
    read = onnx.helper.make_node("DequantizeLinear", ["whole", *inputs], ["weight"], axis=0)
    path = written(tmp_path / "net.onnx", read, node("Conv", "weight"), shape=["n", *IMAGE])

    compare(path)
    assert count_weights(built(path)) == 4 * 8 * 3 * 3


def test_an_input_without_a_shape_takes_images(tmp_path: Path) -> None:
    pooled = onnx.helper.make_node("GlobalAveragePool", ["maps"], ["it"])
    compare(written(tmp_path / "net.onnx", node("Relu", gives="maps"), pooled))


def test_operators_whose_settings_are_computed_are_refused(tmp_path: Path) -> None:
    count = onnx.helper.make_node("Shape", ["x"], ["count"])
    path = written(tmp_path / "net.onnx", count, node("Trilu", "count"), shape=["n", *IMAGE])

    with pytest.raises(UsageError, match=r"Trilu is known only with constants, not with 'count'\. Give the"):
        built(path)


class Causal(nn.Module):
    """Let each row attend to those above it."""

    def forward(self, images: Tensor) -> Tensor:
        return functional.scaled_dot_product_attention(images, images, images, is_causal=True)


@pytest.mark.slow
def test_causal_attention_is_read(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            Causal(),
            (torch.rand(2, *IMAGE),),
            str(tmp_path / "net.onnx"),
            dynamo=False,
            opset_version=17,
            input_names=["x"],
            dynamic_axes={"x": {0: "n"}},
        )
    assert "Trilu" in {each.op_type for each in onnx.load(str(tmp_path / "net.onnx")).graph.node}

    compare(tmp_path / "net.onnx")
