"""Networks in ONNX files."""

from pathlib import Path

import numpy as np
import pytest
import torch
from mia_bench.benchmark.errors import UsageError
from mia_bench.benchmark.interfaces.stages import find_cuts
from mia_bench.benchmark.registry.specs import ResolvedComponent, resolve
from mia_bench.models.onnx import Onnx

onnx = pytest.importorskip("onnx")
reference = pytest.importorskip("onnx.reference")
pytest.importorskip("onnx2torch")

IMAGE = (3, 8, 8)


def save(path: Path, *, outputs: int = 1, opset: int = 18, kind: str = "Relu", external: bool = False) -> Path:
    """A convolution, an activation, the mean of the map, and a fully connected layer, in the newest operators."""
    helper, numpy_helper = onnx.helper, onnx.numpy_helper
    rng = np.random.default_rng(0)
    shapes = {"w": (4, 3, 3, 3), "fc": (5, 4), "fb": (5,)}
    weights = [numpy_helper.from_array(rng.standard_normal(s).astype("f"), n) for n, s in shapes.items()]
    weights += [numpy_helper.from_array(np.array(v, "i8"), n) for n, v in (("axes", [2, 3]), ("shape", [-1, 4]))]
    nodes = [
        helper.make_node("Conv", ["images", "w"], ["maps"], name="stem/conv"),
        helper.make_node(kind, ["maps"], ["active"], name="stem/act"),
        helper.make_node("ReduceMean", ["active", "axes"], ["mean"], name="mean", keepdims=1),
        helper.make_node("Reshape", ["mean", "shape"], ["flat"], name="flat", allowzero=1),
        helper.make_node("Gemm", ["flat", "fc", "fb"], ["logits"], name="fc", transB=1),
    ]
    info = helper.make_tensor_value_info
    given = [info("images", onnx.TensorProto.FLOAT, ["batch", *IMAGE])]
    results = [info(n, onnx.TensorProto.FLOAT, None) for n in ("logits", "active")[:outputs]]
    graph = helper.make_graph(nodes, "net", given, results, weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
    onnx.save(model, str(path), save_as_external_data=external, location="weights.bin", size_threshold=0)
    return path


def chosen(path: Path | str) -> ResolvedComponent:
    return resolve("models", "onnx", {"path": str(path)})


def model(path: Path) -> Onnx:
    component = chosen(path).component
    assert isinstance(component, Onnx)
    return component


def test_it_computes_what_the_reference_of_onnx_does(tmp_path: Path) -> None:
    path = save(tmp_path / "net.onnx")
    images = torch.rand(3, *IMAGE)
    (expected,) = reference.ReferenceEvaluator(str(path)).run(None, {"images": images.numpy()})
    with torch.no_grad():
        logits = model(path).build(IMAGE, 5)(images)
    torch.testing.assert_close(logits, torch.from_numpy(expected), rtol=1e-4, atol=1e-5)


def test_its_cuts_have_the_names_of_its_operators(tmp_path: Path) -> None:
    assert find_cuts(model(save(tmp_path / "net.onnx")).build(IMAGE, 5), "all") == [
        "stem.conv",
        "stem.act",
        "mean",
        "flat",
        "fc",
    ]


def test_the_content_of_all_its_files_identifies_it(tmp_path: Path) -> None:
    path = save(tmp_path / "net.onnx", external=True)
    before = chosen(path).identity
    (tmp_path / "weights.bin").write_bytes((tmp_path / "weights.bin").read_bytes()[:-4] + b"1234")
    path.touch()
    assert chosen(path).identity != before


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"outputs": 2}, "Expected a network with 1 output, got 2 in .*net.onnx: logits, active"),
        ({"kind": "Bernoulli"}, "Expected operators that onnx2torch knows, got .*net.onnx: .*Bernoulli.*opset_version"),
    ],
)
def test_networks_that_cannot_be_taken_are_refused_in_a_sentence(
    tmp_path: Path, params: dict[str, object], words: str
) -> None:
    path = save(tmp_path / "net.onnx", **params)  # pyright: ignore[reportArgumentType]
    with pytest.raises(UsageError, match=words):
        model(path).build(IMAGE, 5)


def test_a_file_of_something_else_is_refused_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "net.onnx").write_bytes(b"not a network")
    with pytest.raises(UsageError, match=r"Expected an ONNX file.*, got .*net.onnx"):
        model(tmp_path / "net.onnx").build(IMAGE, 5)
    with pytest.raises(UsageError, match="Expected the path of a network, got none"):
        Onnx().build(IMAGE, 5)
