"""The code of a user's network: what it changes of the process, and what identifies it."""

import importlib
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from mia_bench.benchmark.errors import UsageError
from mia_bench.models import _user_code
from mia_bench.models.python import Python

IMAGE = (3, 8, 8)
NETWORK = """
import functools
import json
from torch import nn
import blocks
import parts.inner
from constants import WIDTH

class Net(nn.Module):
    def __init__(self, classes):
        super().__init__()
        from later import bias
        self.conv = nn.Conv2d(3, WIDTH, 3, bias=bias())
        self.rest = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(WIDTH, classes))

    def forward(self, x):
        return self.rest(parts.inner.scale(blocks.act(self.conv(x)))).relu()

@functools.lru_cache
def depth():
    return 1

def build(classes):
    with open("config.json") as file:
        config = json.load(file)
    return nn.Sequential(nn.Dropout(config["rate"]), *[Net(classes) for _ in range(depth())])

def unrelated():
    return 1
"""
FILES = {
    "network.py": NETWORK,
    "blocks.py": "from torch.nn.functional import relu as act",
    "parts/__init__.py": "",
    "parts/inner.py": "def scale(x):\n    return x * 2",
    "constants.py": "WIDTH = 4",
    "later.py": "def bias():\n    return True",
    "config.json": '{"rate": 0.1}',
}
MODULES = ("network", "blocks", "parts", "parts.inner", "constants", "later")


@pytest.fixture
def edited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Python]]:
    """Write the code with some changes as another process would see it, and return the network."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def write(name: str = "", old: str = "", new: str = "") -> Python:
        for module in MODULES:
            sys.modules.pop(module, None)
        importlib.invalidate_caches()
        monkeypatch.setattr(_user_code, "_identified", set())
        for path, code in FILES.items():
            (tmp_path / path).parent.mkdir(exist_ok=True)
            (tmp_path / path).write_text(code.replace(old, new) if path == name else code)
        return Python.model_validate({"build": "network:build"})

    yield write
    for module in MODULES:
        sys.modules.pop(module, None)


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("network.py", ".relu()", ".tanh()"),
        ("network.py", "AdaptiveAvgPool2d", "AdaptiveMaxPool2d"),
        ("network.py", "return 1\n\ndef build", "return int(1)\n\ndef build"),
        ("blocks.py", "relu", "tanh"),
        ("parts/inner.py", "2", "3"),
        ("constants.py", "4", "5"),
        ("later.py", "True", "False"),
        ("config.json", "0.1", "0.2"),
    ],
)
def test_other_code_is_another_network(edited: Callable[..., Python], name: str, old: str, new: str) -> None:
    before = edited().pinned(IMAGE, 5)
    after = edited(name, old, new).pinned(IMAGE, 5)

    assert before.content is None
    assert before.code != after.code


@pytest.mark.parametrize(
    ("old", "new"), [("", ""), ("return 1\n", "return 1  # one\n"), ("def unrelated", "def other")]
)
def test_equal_code_is_the_same_network(edited: Callable[..., Python], old: str, new: str) -> None:
    before = edited().pinned(IMAGE, 5)
    with torch.random.fork_rng():
        torch.manual_seed(3)
        after = (edited("network.py", old, new) if old else edited()).pinned(IMAGE, 5)

    assert before == after


def test_code_counts_beside_a_file_of_weights(edited: Callable[..., Python]) -> None:
    torch.save(edited().untrained(IMAGE, 5).state_dict(), "w.pth")
    with_file = {"build": "network:build", "weights": "w.pth"}
    edited()
    before = Python.model_validate(with_file).pinned(IMAGE, 5)
    edited("blocks.py", "relu", "tanh")
    after = Python.model_validate(with_file).pinned(IMAGE, 5)

    assert before.given_weights == after.given_weights
    assert before.code != after.code


def test_another_process_refuses_other_code(edited: Callable[..., Python]) -> None:
    pinned = edited().pinned(IMAGE, 5)
    edited("blocks.py", "relu", "tanh")

    with pytest.raises(UsageError, match=r"Expected code \w{8} of network:build, got \w{8}. It has changed"):
        pinned.build(IMAGE, 5)
    with pytest.raises(UsageError, match=r"Expected code"):
        pinned.pinned(IMAGE, 5)

    edited()
    assert pinned.build(IMAGE, 7)(torch.zeros(1, *IMAGE)).shape == (1, 7)


@pytest.mark.parametrize(
    "change",
    [
        "torch.set_default_dtype(torch.float64)",
        "torch.set_default_device('cpu:0')",
        "torch.manual_seed(7)",
        "np.random.seed(7)",
        "torch.set_num_threads(7)",
        "torch.set_grad_enabled(False)",
        "os.chdir('/')",
        "print('loaded')",
    ],
)
@pytest.mark.parametrize("where", ["import", "call"])
def test_what_code_changes_of_the_process_is_restored(
    change: str, where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    name = f"changes_{abs(hash((change, where, tmp_path)))}"
    on_import, in_call = (change, "pass") if where == "import" else ("", change)
    Path(tmp_path / f"{name}.py").write_text(
        f"import os\nimport numpy as np\nimport torch\nfrom torch import nn\n{on_import}\n"
        f"def build():\n    {in_call}\n    return nn.Sequential(nn.Conv2d(3, 2, 3), nn.Flatten(), nn.Linear(72, 5))\n"
    )
    monkeypatch.chdir(tmp_path)

    def state() -> list[object]:
        settings = [torch.get_default_dtype(), torch.get_default_device(), torch.get_num_threads(), os.getcwd()]
        return [
            *settings,
            torch.is_grad_enabled(),
            torch.random.get_rng_state().tolist(),
            str(np.random.get_state()),
        ]

    before = state()
    pinned = Python.model_validate({"build": f"{name}:build"}).pinned(IMAGE, 5)

    assert state() == before
    assert capsys.readouterr().out == ""
    assert {each.dtype for each in pinned.build(IMAGE, 5).parameters()} == {torch.float32}


def test_a_network_that_is_made_on_import_is_the_same_in_each_process(edited: Callable[..., Python]) -> None:
    found = []
    for _ in range(2):
        edited()
        Path("constants.py").write_text("WIDTH = 4\nfrom torch import nn\nmade = nn.Linear(192, 5)")
        found.append(Python.model_validate({"build": "constants:made"}).pinned(IMAGE, 5))
    assert found[0] == found[1]
    assert found[0].content
