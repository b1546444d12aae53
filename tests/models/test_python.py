"""Networks that the user's own code builds."""

import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from mia_bench.benchmark.errors import UsageError
from mia_bench.benchmark.registry.literals import parse
from mia_bench.benchmark.registry.specs import resolve
from mia_bench.models.python import Python, content_of
from torch import nn

IMAGE = (3, 8, 8)
CODE = """
import torch
from torch import nn

def random(classes):
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(4 * 36, classes))

def trained():
    network = random(5)
    network.load_state_dict(torch.load("w.pth", weights_only=True))
    return network

def half():
    torch.manual_seed(0)
    return random(5).half()

class Comparing(nn.Module):
    def __init__(self, classes):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.prototypes = nn.Parameter(torch.randn(classes, 4))

    def forward(self, images):
        return nn.functional.linear(self.conv(images).mean((2, 3)), nn.functional.normalize(self.prototypes))

def comparing(classes):
    return Comparing(classes)

def spread(classes):
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, classes, 3, padding=2, dilation=2), nn.Flatten(2),
        nn.AdaptiveAvgPool1d(1), nn.Flatten())

def maps():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 5, 1))

def exported():
    return torch.export.export(random(5).eval(), (torch.rand(2, 3, 8, 8),))

def number():
    return 3

def failing():
    raise RuntimeError("no network today")

def leaving():
    raise SystemExit(3)

class Wide(nn.Linear):
    def __init__(self, width):
        super().__init__(3, width)

network = random(5)
"""


@pytest.fixture(autouse=True)
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A module of its own name for each test, in the current folder."""
    name = f"net_{abs(hash(tmp_path))}"
    (tmp_path / f"{name}.py").write_text(CODE)
    monkeypatch.chdir(tmp_path)
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(4 * 36, 5))
    torch.save(network.state_dict(), "w.pth")
    return name


def model(module: str, function: str, **params: Any) -> Python:
    component = resolve("models", *parse(f"python:build={module}:{function}")).component
    assert isinstance(component, Python)
    return Python.model_validate({**component.model_dump(), **params})


def test_a_function_in_the_current_folder_builds_the_network(module: str) -> None:
    assert model(module, "random").build(IMAGE, 7)(torch.rand(2, *IMAGE)).shape == (2, 7)


def test_weights_that_the_function_loads_are_given_weights(module: str) -> None:
    pinned = model(module, "trained").pinned(IMAGE, 5)
    assert pinned.given_weights == content_of(pinned.untrained(IMAGE, 5))
    assert model(module, "random").pinned(IMAGE, 5).given_weights is None

    torch.save({name: each + 1 for name, each in torch.load("w.pth").items()}, "w.pth")
    assert model(module, "trained").pinned(IMAGE, 5).given_weights != pinned.given_weights
    with pytest.raises(
        UsageError, match=r"Expected weights sha256:\w+ from net_\d+:trained, got sha256:\w+. They have"
    ):
        pinned.build(IMAGE, 5)


def test_weights_of_a_file_win(module: str) -> None:
    given = model(module, "random", weights="w.pth")
    assert given.pinned(IMAGE, 5).given_weights == given.given_weights
    assert content_of(given.network(IMAGE, 5)) == content_of(model(module, "trained").network(IMAGE, 5))


def test_the_parameter_is_written_as_the_user_writes_it(module: str) -> None:
    chosen = resolve("models", *parse(f"python:build={module}:random"))
    assert chosen.canonical == f"python:build={module}:random" or chosen.canonical == f'python:build="{module}:random"'
    assert resolve("models", *parse(chosen.canonical)) == chosen


def test_naming_code_does_not_run_it(tmp_path: Path) -> None:
    (tmp_path / "evil.py").write_text("open('ran', 'w')")
    resolve("models", "python", {"build": "evil:network"})
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("function", "words"),
    [
        ("number", "Expected .*:number to return a torch.nn.Module, got int. Mend it."),
        ("exported", r"got ExportedProgram. Return program.module\(\) of one that was exported after .eval\(\)."),
        ("failing", r"got RuntimeError: no network today \(net_\d+.py, line 44\). Mend the function"),
        ("Wide", "to need no arguments but image_shape and classes, got width. Give defaults, or name a function"),
        ("leaving", "got SystemExit: 3"),
        ("missing", "Expected a function in .*, got none named 'missing'. Write python:build=package.module:function"),
    ],
)
def test_functions_that_build_no_network_are_refused_in_a_sentence(module: str, function: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        model(module, function).build(IMAGE, 5)


def test_a_module_that_is_not_there_is_refused_in_a_sentence() -> None:
    with pytest.raises(UsageError, match="Expected a module that can be imported, got nowhere:x: No module named"):
        model("nowhere", "x").build(IMAGE, 5)
    with pytest.raises(UsageError, match="expected package"):
        resolve("models", "python", {"build": "a b"})
    with pytest.raises(UsageError, match="Expected a function that builds a network, got none"):
        Python().build(IMAGE, 5)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("\ndef build(:", r"which fails with SyntaxError: .* \({name}.py, line 2\). Mend the module."),
        (
            "def f():\n    1 / 0\nf()",
            r"with ZeroDivisionError: division by zero \({name}.py, line 2\). Mend the module",
        ),
        ("\nimport not_there_3", r"{name}:build: No module named 'not_there_3' \({name}.py, line 2\). Install it"),
        ("raise SystemExit", r"which fails with SystemExit \({name}.py, line 1\)"),
    ],
)
def test_a_module_that_fails_is_named_with_the_line(module: str, code: str, words: str) -> None:
    name = f"broken_{module}"
    Path(f"{name}.py").write_text(code)
    with pytest.raises(UsageError, match=words.format(name=name)):
        model(name, "build").build(IMAGE, 5)


def test_a_network_in_a_module_is_taken_as_it_is(module: str) -> None:
    given = model(module, "network").pinned(IMAGE, 5)
    built = given.build(IMAGE, 5)

    assert given.given_weights == content_of(given.untrained(IMAGE, 5))
    assert not {id(each) for each in built.parameters()} & {id(each) for each in given.network(IMAGE, 5).parameters()}


def test_weights_that_cannot_be_hashed_are_refused_in_a_sentence() -> None:
    network = nn.Linear(2, 2)
    network.register_buffer("mask", torch.eye(2).to_sparse())
    with pytest.raises(UsageError, match="Expected weights and buffers that are dense tensors, got others from Linear"):
        content_of(network)


def test_the_order_of_the_search_for_modules_stays(
    module: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    before = list(sys.path)
    model(module, "random").build(IMAGE, 5)
    assert sys.path == before


def test_weights_of_half_precision_are_computed_with_in_single_precision(module: str) -> None:
    torch.manual_seed(0)
    plain = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(4 * 36, 5)).half().float()
    images = torch.rand(2, *IMAGE)
    with torch.no_grad():
        torch.testing.assert_close(model(module, "half").build(IMAGE, 5)(images), plain(images))


def test_a_file_in_place_of_a_module_is_refused_with_the_way_to_write_it(module: str) -> None:
    with pytest.raises(UsageError, match=r"expected package.module:function, got a file. Leave out the suffix .py."):
        model(f"{module}.py", "random")


@pytest.mark.parametrize("classes", [5, 0])
def test_weights_fit_a_network_whose_last_layer_is_no_module(module: str, classes: int) -> None:
    network = model(module, "comparing").untrained(IMAGE, 5)
    torch.save(network.state_dict(), "comparing.pth")
    built = model(module, "comparing", weights="comparing.pth").build(IMAGE, classes)
    images = torch.rand(2, *IMAGE)
    assert torch.equal(built(images), network(images))


def test_a_last_layer_that_is_no_module_is_not_replaced(module: str) -> None:
    torch.save(model(module, "comparing").untrained(IMAGE, 5).state_dict(), "comparing.pth")
    with pytest.raises(UsageError, match=r"got Comparing: conv gives 4 numbers, and the network \(5,\)\. Leave out"):
        model(module, "comparing", weights="comparing.pth", head="retrain").build(IMAGE, 3)


def test_a_new_head_has_the_dilation_of_the_old_one(module: str) -> None:
    torch.save(model(module, "spread").untrained(IMAGE, 5).state_dict(), "spread.pth")
    built = model(module, "spread", weights="spread.pth", head="retrain").build(IMAGE, 3)
    assert next(part.dilation for part in built.modules() if isinstance(part, nn.Conv2d) and part.padding[0]) == (2, 2)


@pytest.mark.parametrize("head", ["keep", "retrain"])
def test_outputs_that_are_maps_are_refused_without_advice_on_the_last_layer(module: str, head: str) -> None:
    given = model(module, "maps", head=head).pinned(IMAGE, 5)
    with pytest.raises(UsageError, match=r"got outputs \(5, 8, 8\). Wrap the network in .*task=unlabeled") as refusal:
        given.build(IMAGE, 5)
    assert "retrain" not in str(refusal.value)


def test_an_average_of_weights_is_read(module: str) -> None:
    network = model(module, "comparing").untrained(IMAGE, 5)
    torch.save(torch.optim.swa_utils.AveragedModel(network).state_dict(), "average.pth")
    built = model(module, "comparing", weights="average.pth").build(IMAGE, 5)
    images = torch.rand(2, *IMAGE)
    assert torch.equal(built(images), network(images))


def test_a_tensor_beside_the_weights_of_the_network_is_named(module: str) -> None:
    network = model(module, "comparing").untrained(IMAGE, 5)
    weights = {f"model.{name}": tensor for name, tensor in network.state_dict().items()}
    torch.save({"loss.weight": torch.ones(5), **weights}, "training.ckpt")
    with pytest.raises(UsageError, match=r"Expected the weights of the network alone, got also 'loss.weight' in"):
        model(module, "comparing", weights="training.ckpt").build(IMAGE, 5)
