"""Networks in ONNX files."""

from pathlib import Path

import numpy as np
import pytest
import torch
from mia_bench.benchmark.errors import UsageError
from mia_bench.benchmark.interfaces.stages import find_cuts
from mia_bench.benchmark.registry.specs import ResolvedComponent, resolve
from mia_bench.benchmark.training import untrained_copy
from mia_bench.models.onnx import Onnx, _external

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


def renamed(path: Path, *names: str) -> Path:
    """Give the first operators of the network other names."""
    network = onnx.load(str(save(path)))
    for node, name in zip(network.graph.node, names, strict=False):
        node.name = name
    onnx.save(network, str(path))
    return path


TOUCH = "getattr(__import__('pathlib'), 'Path')('MARK').touch()"


@pytest.mark.parametrize(
    "name", [f'__class__") and {TOUCH} or getattr(self, "conv', f'"\n{TOUCH}\n"', f'\\"); {TOUCH} #']
)
def test_the_name_of_an_operator_is_never_run_as_code(name: str, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    path = renamed(tmp_path / "net.onnx", "conv", name.replace("MARK", str(mark)))

    logits = model(path).build(IMAGE, 5)(torch.rand(2, *IMAGE))

    assert logits.shape == (2, 5)
    assert not mark.exists()


@pytest.mark.parametrize(
    ("names", "cuts"),
    [
        (('a b"c', "é/ß"), ["a_b_c", "é.ß"]),
        (("forward", "initializers"), ["forward_1", "initializers_1"]),
        (("/forward", "code", "class"), ["forward_1", "code_1", "class_1"]),
        (("/", "\ufb01"), ["Conv", "fi"]),
        (("conv", "conv_1", "/conv"), ["conv", "conv_1", "conv_2"]),
        (("twice", "twice", "twice_1"), ["twice", "twice_1", "twice_1_1"]),
        (("", ""), ["Conv", "Relu"]),
    ],
)
def test_operators_may_have_any_names(names: tuple[str, ...], cuts: list[str], tmp_path: Path) -> None:
    built = model(renamed(tmp_path / "net.onnx", *names)).build(IMAGE, 5)
    assert find_cuts(built, "all")[: len(cuts)] == cuts


def test_operators_without_names_may_be_converted_to_another_version(tmp_path: Path) -> None:
    helper, info = onnx.helper, onnx.helper.make_tensor_value_info
    constants = {"halves": [0, 2, 2, 8, 8], "whole": [0, 4, 8, 8]}
    nodes = [
        helper.make_node("Conv", ["images", "w"], ["maps"], pads=[1, 1, 1, 1]),
        helper.make_node("Reshape", ["maps", "halves"], ["apart"]),
        helper.make_node("Transpose", ["apart"], ["turned"], perm=[0, 2, 1, 3, 4]),
        helper.make_node("Reshape", ["turned", "whole"], ["shuffled"]),
        helper.make_node("Dropout", ["shuffled"], ["kept"]),
        helper.make_node("GlobalAveragePool", ["kept"], ["mean"]),
        helper.make_node("Softmax", ["mean"], ["shares"], axis=1),
        helper.make_node("Flatten", ["shares"], ["logits"]),
    ]
    held = [onnx.numpy_helper.from_array(np.ones((4, 3, 3, 3), "f"), "w")]
    held += [onnx.numpy_helper.from_array(np.array(sizes, "i8"), name) for name, sizes in constants.items()]
    given, result = info("images", 1, ["n", *IMAGE]), info("logits", 1, ["n", 4])
    graph = helper.make_graph(nodes, "shuffle", [given], [result], held)
    network = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 9)], ir_version=8)
    onnx.save(network, str(tmp_path / "net.onnx"))

    built = model(tmp_path / "net.onnx").build(IMAGE, 4)

    assert built(torch.rand(2, *IMAGE)).shape == (2, 4)


@pytest.mark.parametrize(("place", "name"), [(1, "nowhere"), (0, "logits")])
def test_an_operator_without_its_input_is_named(place: int, name: str, tmp_path: Path) -> None:
    network = onnx.load(str(save(tmp_path / "net.onnx")))
    network.graph.node[0].input[place] = name
    onnx.save(network, str(tmp_path / "net.onnx"))
    with pytest.raises(UsageError, match=f"before them, got 'stem/conv' in .*, which takes '{name}'. Export it again"):
        model(tmp_path / "net.onnx").build(IMAGE, 5)


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
        (
            {"kind": "Bernoulli"},
            "Expected operators that onnx2torch knows, got Bernoulli in .*net.onnx. Give the network with python:build",
        ),
        (
            {"kind": "QuantizeLinear"},
            "got QuantizeLinear in .*net.onnx. Give the network as it was before quantization",
        ),
        (
            {"kind": "Attention", "opset": 23},
            "got Attention in .*net.onnx. Export it with opset_version=17, or give the",
        ),
        ({"kind": "AffineGrid", "opset": 20}, "got AffineGrid in .*net.onnx. Give the network with python:build"),
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


def perceptron(path: Path, *, external: bool = False) -> Path:
    """Two matrix products: the weights of the first are an initializer, those of the second a constant."""
    helper, rng = onnx.helper, np.random.default_rng(0)
    first, second = (
        onnx.numpy_helper.from_array(rng.standard_normal(shape).astype("f"), name)
        for name, shape in (("first", (192, 6)), ("second", (6, 5)))
    )
    nodes = [
        helper.make_node("Constant", [], ["second"], value=second),
        helper.make_node("Flatten", ["images"], ["flat"], name="flat"),
        helper.make_node("MatMul", ["flat", "first"], ["hidden"], name="hidden"),
        helper.make_node("Relu", ["hidden"], ["active"], name="active"),
        helper.make_node("MatMul", ["active", "second"], ["logits"], name="fc"),
    ]
    given = [helper.make_tensor_value_info("images", onnx.TensorProto.FLOAT, ["batch", *IMAGE])]
    results = [helper.make_tensor_value_info("logits", onnx.TensorProto.FLOAT, None)]
    network = helper.make_model(
        helper.make_graph(nodes, "net", given, results, [first]), opset_imports=[helper.make_opsetid("", 13)]
    )
    settings = {"location": "w.bin", "size_threshold": 0, "convert_attribute": True}
    onnx.save(network, str(path), save_as_external_data=external, **settings)
    return path


def test_the_weights_of_a_matrix_product_are_not_part_of_the_structure(tmp_path: Path) -> None:
    layers = model(perceptron(tmp_path / "net.onnx")).build(IMAGE, 5)

    assert sum(each.numel() for each in layers.parameters()) == 192 * 6 + 6 * 5
    fresh = untrained_copy(layers)
    assert all(
        not torch.isclose(old, new).any() for old, new in zip(layers.parameters(), fresh.parameters(), strict=True)
    )


def test_constants_alone_in_a_file_beside_it_are_found(tmp_path: Path) -> None:
    path = perceptron(tmp_path / "net.onnx", external=True)
    network = onnx.load(str(path), load_external_data=False)
    for tensor in network.graph.initializer:
        del tensor.external_data[:]
    onnx.save(network, str(path))

    assert _external(path) == [tmp_path / "w.bin"]


def test_a_missing_file_of_weights_is_named(tmp_path: Path) -> None:
    path = save(tmp_path / "net.onnx", external=True)
    (tmp_path / "weights.bin").unlink()
    with pytest.raises(UsageError, match=r"got an error: .*weights.bin: No such file or directory"):
        chosen(path)


def test_a_path_in_the_home_folder_of_nobody_is_refused_in_a_sentence() -> None:
    with pytest.raises(UsageError, match="expected a file that can be read, got an error: Could not determine home"):
        chosen("~nobody_has_this_name/net.onnx")


@pytest.mark.parametrize("kind", ["UINT8", "INT64"])
def test_a_network_for_whole_numbers_is_refused_unless_the_images_are_scaled(tmp_path: Path, kind: str) -> None:
    path = save(tmp_path / "net.onnx")
    saved = onnx.load(str(path))
    saved.graph.input[0].type.tensor_type.elem_type = onnx.TensorProto.DataType.Value(kind)
    saved.graph.node[0].input[0] = "floats"
    saved.graph.node.insert(0, onnx.helper.make_node("Cast", ["images"], ["floats"], to=1, name="cast"))
    onnx.save(saved, str(path))
    with pytest.raises(UsageError, match=f"got one that takes {kind.lower()} in .* give mean=0,std=0.00392"):
        model(path).build(IMAGE, 5)
    scaled = resolve("models", "onnx", {"path": str(path), "mean": 0, "std": 1 / 255}).component
    assert isinstance(scaled, Onnx)
    assert scaled.build(IMAGE, 5)(torch.rand(2, *IMAGE)).shape == (2, 5)


def test_weights_of_half_precision_are_computed_with_in_single_precision(tmp_path: Path) -> None:
    path = save(tmp_path / "net.onnx")
    saved = onnx.load(str(path))
    for each in [each for each in saved.graph.initializer if each.data_type == onnx.TensorProto.FLOAT]:
        each.CopyFrom(onnx.numpy_helper.from_array(onnx.numpy_helper.to_array(each).astype("e"), each.name))
    for each in (*saved.graph.input, *saved.graph.output):
        each.type.tensor_type.elem_type = onnx.TensorProto.FLOAT16
    halved = tmp_path / "half.onnx"
    onnx.save(saved, str(halved))
    images = torch.rand(2, *IMAGE)
    with torch.no_grad():
        expected = model(path).build(IMAGE, 5)(images)
        torch.testing.assert_close(model(halved).build(IMAGE, 5)(images), expected, rtol=1e-2, atol=1e-2)


def test_a_condition_is_refused_with_another_way_than_another_version(tmp_path: Path) -> None:
    helper, path = onnx.helper, save(tmp_path / "net.onnx")
    saved = onnx.load(str(path))
    branches = {
        name: helper.make_graph(
            [helper.make_node("Identity", ["maps"], [name])], name, [], [helper.make_tensor_value_info(name, 1, None)]
        )
        for name in ("then_branch", "else_branch")
    }
    saved.graph.node[1].CopyFrom(helper.make_node("If", ["positive"], ["active"], name="stem/if", **branches))
    saved.graph.node.insert(1, helper.make_node("IsNaN", ["maps"], ["positive"]))
    onnx.save(saved, str(path))
    with pytest.raises(UsageError, match=r"got If in .*net.onnx. Export it without conditions and loops, or give the"):
        model(path).build(IMAGE, 5)


@pytest.mark.parametrize("kind", ["FLOAT16", "DOUBLE"])
def test_conversions_to_another_precision_are_computed_in_single_precision(tmp_path: Path, kind: str) -> None:
    path, to = save(tmp_path / "net.onnx"), onnx.TensorProto.DataType.Value(kind)
    saved = onnx.load(str(path))
    for each in [each for each in saved.graph.initializer if each.data_type == onnx.TensorProto.FLOAT]:
        array = onnx.numpy_helper.to_array(each).astype({"FLOAT16": "e", "DOUBLE": "d"}[kind])
        each.CopyFrom(onnx.numpy_helper.from_array(array, each.name))
    saved.graph.node[0].input[0], saved.graph.node[-1].output[0] = "converted", "unconverted"
    saved.graph.node.insert(0, onnx.helper.make_node("Cast", ["images"], ["converted"], to=to, name="first"))
    saved.graph.node.append(onnx.helper.make_node("Cast", ["unconverted"], ["logits"], to=1, name="last"))
    other, images = tmp_path / "other.onnx", torch.rand(2, *IMAGE)
    onnx.save(saved, str(other))
    with torch.no_grad():
        expected = model(path).build(IMAGE, 5)(images)
        torch.testing.assert_close(model(other).build(IMAGE, 5)(images), expected, rtol=1e-2, atol=1e-2)
