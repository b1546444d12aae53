"""Hashes of Python objects."""

import copy
import enum
import functools
import re
import subprocess
import sys
import threading
import types
from array import array
from collections import deque
from datetime import date
from decimal import Decimal
from operator import itemgetter
from typing import Any

import numpy as np
import pytest
import torch
import torchvision
from mia_bench.benchmark.errors import UsageError
from mia_bench.benchmark.utils.object_content import content_of, is_installed
from pydantic import BaseModel, Field, PrivateAttr
from torch import nn

SOURCE = """
SCALE = {scale}
def helper(x):
    return x * SCALE {change}
class Mine:
    limit = {limit}
    def run(self, x):
        return [helper(y) for y in x]
"""


def class_of(*, scale: float = 1.0, change: str = "", limit: int = 3) -> Any:
    """Return a class of a module that is not installed, with a function and a constant that it uses."""
    module = types.ModuleType("nowhere_installed")
    exec(SOURCE.format(scale=scale, change=change, limit=limit), vars(module))
    return module.Mine


def network(*, stride: int = 1, width: int = 4) -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, width, 3, stride=stride), nn.ReLU(), nn.Flatten())


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (class_of(), class_of(scale=2.0)),
        (class_of(), class_of(change="+ 1")),
        (class_of(), class_of(limit=4)),
        (network(), network(stride=2)),
        (torch.zeros(2), torch.zeros(2, dtype=torch.float64)),
        (torch.zeros(2), torch.zeros(2, 1)),
        (np.zeros(2), np.array([0.0, -0.0])),
        ({"a": 1}, {"a": 2}),
        ([1, 2], [1, "2"]),
        (nn.Dropout(0.1), nn.Dropout(0.2)),
    ],
)
def test_another_content_has_another_hash(one: Any, other: Any) -> None:
    assert content_of(one) != content_of(other)


@pytest.mark.parametrize(
    "make",
    [
        class_of,
        network,
        lambda: torch.arange(4, dtype=torch.bfloat16),
        lambda: {"a": {3, 1, 2}, "b": (None, 1.5, b"x", torch.float32)},
    ],
)
def test_equal_contents_have_equal_hashes(make: Any) -> None:
    assert content_of(make()) == content_of(make())


def test_training_mode_and_gradients_do_not_change_the_hash_of_a_network() -> None:
    one, other = network(), network().train().requires_grad_(True)
    other(torch.rand(1, 3, 8, 8)).sum().backward()

    assert content_of(one.eval().requires_grad_(False)) == content_of(other)


def test_one_weight_and_one_hook_change_the_hash_of_a_network() -> None:
    changed, hooked = network(), network()
    with torch.no_grad():
        changed[0].weight[0, 0, 0, 0] += 1e-3
    hooked[0].register_forward_hook(lambda module, args, value: value + 1)

    assert len({content_of(each) for each in (network(), changed, hooked)}) == 3


@pytest.mark.slow
def test_hashes_are_the_same_in_every_process() -> None:
    code = (
        "from mia_bench.benchmark.utils.object_content import content_of\n"
        "class Mine:\n    names = {'a', 'b', 'c'}\n    def run(self): return self.names\n"
        "print(content_of(Mine, {'x', 'y', 'z'}))"
    )
    found = {
        subprocess.run([sys.executable, "-c", code], text=True, capture_output=True, check=True).stdout
        for _ in range(2)
    }
    assert len(found) == 1


def test_objects_that_refer_to_themselves_can_be_hashed() -> None:
    loop: list[Any] = [1]
    loop.append(loop)

    assert content_of(loop) == content_of(loop)


def test_the_place_of_the_code_does_not_count() -> None:
    made = []
    for folder in "ab":
        named: dict[str, Any] = {"__name__": "mine", "__file__": f"/{folder}/mine.py"}
        exec("def folder():\n    return __file__", named)
        made.append(named["folder"])

    assert content_of(made[0]) == content_of(made[1])


def test_known_objects_count_with_their_place() -> None:
    one, other = [1], [2]

    assert content_of({"a": one}, known=[one, other]) == content_of({"a": other}, known=[other, one])
    assert content_of({"a": one}, known=[one, other]) != content_of({"a": other}, known=[one, other])


def test_classes_of_installed_packages_count_by_name() -> None:
    assert is_installed(torchvision.models.ResNet.__module__)
    assert is_installed("collections.abc")
    assert not is_installed("__main__")
    assert not is_installed(__name__)


def test_weights_without_values_are_refused() -> None:
    with pytest.raises(UsageError, match="Initialize lazy modules"):
        content_of(nn.LazyLinear(3))


class Numbers(dict):
    pass


def raised() -> None:
    try:
        len(())
        iter(())
    except TypeError:
        pass


def not_raised() -> None:
    try:
        len(())
    except TypeError:
        pass
    else:
        iter(())


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (slice(0, 3), slice(0, 9)),
        (range(4), range(5)),
        (bytearray(b"a"), bytearray(b"b")),
        (deque([1]), deque([2])),
        (array("d", [1.0]), array("d", [2.0])),
        (re.compile("a"), re.compile("b")),
        (date(2026, 1, 1), date(2026, 1, 2)),
        (Decimal("0.1"), Decimal("0.2")),
        (itemgetter(0), itemgetter(1)),
        (np.random.default_rng(0), np.random.default_rng(1)),
    ],
    ids=lambda value: type(value).__name__,
)
def test_values_that_are_kept_in_c_count(one: object, other: object) -> None:
    assert content_of(one) == content_of(copy.deepcopy(one))
    assert content_of(one) != content_of(other)


def test_attributes_of_a_mapping_count() -> None:
    one, other = Numbers(a=1), Numbers(a=1)
    other.scale = 2  # type: ignore[attr-defined]

    assert content_of(one) != content_of(other)


def test_values_without_content_are_refused() -> None:
    with pytest.raises(UsageError, match=r"Expected objects that can be copied, .* got a lock"):
        content_of(threading.Lock())


def test_an_object_in_its_own_set_is_refused() -> None:
    node = nn.Module()
    node.everything = {node}  # type: ignore[assignment]

    with pytest.raises(UsageError, match="nor members of their own sets"):
        content_of(node)


def test_what_a_try_protects_counts() -> None:
    assert content_of(raised.__code__) != content_of(not_raised.__code__)


CODE = {
    "the value of a member": ("class E(enum.Enum):\n A = {}\na = E.A\ndef f(): return a.value", "1", "2"),
    "a member as default": ("class E(enum.IntEnum):\n A = {}\ndef f(k=E.A): return int(k)", "1", "2"),
    "a method of a member": (
        "class E(enum.Enum):\n A = 1\n def m(s): return {}\na = E.A\ndef f(): return a.m()",
        "1",
        "2",
    ),
    "a default of pydantic": ("class C(BaseModel):\n k: float = {}\ndef f(): return C().k", "1.0", "2.0"),
    "a factory of pydantic": (
        "class C(BaseModel):\n k: int = Field(default_factory=lambda: {})\ndef f(): return C()",
        "1",
        "2",
    ),
    "a bound of pydantic": ("class C(BaseModel):\n k: int = Field(1, ge={})\ndef f(): return C()", "0", "1"),
    "a type of pydantic": ("class C(BaseModel):\n k: {}\ndef f(): return C(k=1)", "int", "float"),
    "settings of pydantic": (
        "class C(BaseModel):\n model_config = {{'frozen': {}}}\ndef f(): return C()",
        "True",
        "False",
    ),
    "a metaclass": (
        "class M(type):\n def __call__(c): return {}\nclass C(metaclass=M): pass\ndef f(): return C()",
        "1",
        "2",
    ),
    "an attribute of a function": ("def g(): return g.k\ng.k = {}\ndef f(): return g()", "1", "2"),
    "a function for one type": (
        "@functools.singledispatch\ndef g(x): return 0\n@g.register\ndef _(x: int): return {}\ndef f(): return g(1)",
        "1",
        "2",
    ),
}


@pytest.mark.parametrize(("source", "one", "other"), CODE.values(), ids=CODE)
def test_what_a_function_uses_counts(source: str, one: str, other: str) -> None:
    def content(value: str) -> str:
        module = types.ModuleType("nowhere_installed")
        vars(module).update(enum=enum, functools=functools, BaseModel=BaseModel, Field=Field)
        exec(source.format(value), vars(module))
        return content_of(module.f)

    assert content(one) == content(one) != content(other)


def test_members_of_installed_packages_count_by_name() -> None:
    assert content_of(torchvision.transforms.InterpolationMode.BILINEAR) == "sha256:de2bca4178a04ed9"


def test_private_attributes_of_a_class_count() -> None:
    def made(strength: float) -> type[BaseModel]:
        class Mine(BaseModel):
            _strength: float = PrivateAttr(strength)

        return Mine

    assert content_of(made(0.1)) == content_of(made(0.1))
    assert content_of(made(0.1)) != content_of(made(0.9))


def test_recurrent_networks_have_a_content_that_their_copies_share() -> None:
    torch.manual_seed(0)
    for kind in (nn.LSTM, nn.GRU, nn.RNN):
        layer = kind(4, 3)
        same = copy.deepcopy(layer)
        assert content_of(layer) == content_of(same) != content_of(kind(4, 3))


def test_an_object_has_the_same_content_each_time_it_is_asked_for() -> None:
    class Own:
        pass

    assert content_of(Own()) == content_of(Own())
