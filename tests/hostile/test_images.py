"""Datasets of the user's own that break the contract, and odd ones that keep it."""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from mia_bench.benchmark.checks.datasets import pools_are_sound
from mia_bench.benchmark.checks.lab import Lab
from mia_bench.benchmark.errors import UsageError
from mia_bench.benchmark.evaluation.artifacts import Artifacts
from mia_bench.benchmark.evaluation.evaluate import evaluate
from mia_bench.benchmark.interfaces import Dataset, ImageSet, Model, Pools
from mia_bench.benchmark.plan.cells import Cell, Setting
from mia_bench.benchmark.plan.expansion import plan
from mia_bench.benchmark.plan.request import Request
from mia_bench.benchmark.registry import Entry
from mia_bench.benchmark.registry.specs import ResolvedComponent
from torch import Tensor, nn


def drawn(count: int, size: int = 16) -> ImageSet:
    """Random images of three classes in turn."""
    return ImageSet(torch.rand(count, 1, size, size), torch.arange(count) % 3)


def sound() -> Pools:
    return Pools(drawn(30), drawn(12), drawn(9), ("a", "b", "c"))


def labelled(change: Callable[[Tensor], Any], where: str = "train") -> Callable[[], Pools]:
    def make() -> Pools:
        pools = sound()
        pool = getattr(pools, where)
        return replace(pools, **{where: ImageSet(pool.images, change(pool.labels))})

    return make


def shown(change: Callable[[Tensor], Any], where: str = "aux") -> Callable[[], Pools]:
    def make() -> Pools:
        pools = sound()
        pool = getattr(pools, where)
        return replace(pools, **{where: ImageSet(change(pool.images), pool.labels)})

    return make


def one_nan(images: Tensor) -> Tensor:
    images[3, 0, 2, 2] = torch.nan
    return images


REFUSED: dict[str, tuple[Callable[[], Any], str]] = {
    "labels in a column": (labelled(lambda each: each[:, None]), r"\(30,\).*got \(30, 1\).*labels.squeeze\(1\)"),
    "one-hot labels": (labelled(nn.functional.one_hot), r"got \(30, 3\).*labels.argmax\(1\)"),
    "labels of 32 bits": (labelled(lambda each: each.int()), "torch.int64, got torch.int32"),
    "labels of 8 bits": (labelled(lambda each: each.byte(), "private"), "labels of private .* got torch.uint8"),
    "labels as fractions": (labelled(lambda each: each.float()), "got torch.float32"),
    "labels as truth values": (labelled(lambda each: each > 0), "got torch.bool"),
    "labels as a list": (labelled(lambda each: each.tolist()), "to be a tensor, got list"),
    "labels from 1": (labelled(lambda each: each + 1), "from 0 to 2, for 3 classes, got 1 to 3.*Count classes from 0"),
    "negative labels": (labelled(lambda each: each - 1, "aux"), "got -1 to 1"),
    "more images than labels": (labelled(lambda each: each[:-1], "private"), r"\(9,\).*got \(8,\)"),
    "a single label": (labelled(lambda each: each[0]), r"got \(\)"),
    "one class in training": (labelled(torch.zeros_like), "at least 2 classes, got 1"),
    "images of 8 bits": (shown(lambda each: (255 * each).byte()), r"torch.float32, got torch.uint8.*/ 255"),
    "images of 64 bits": (shown(lambda each: each.double(), "train"), "got torch.float64"),
    "images up to 255": (shown(lambda each: 255 * each), r"in \[0, 1\], got values in \[0.*Scale them"),
    "normalized images": (shown(lambda each: each - 0.5), "leave normalization to the model"),
    "a pixel that is NaN": (shown(one_nan), "got NaN in 1 of 12 images, .* Leave such images out"),
    "an infinite pixel": (shown(lambda each: each / 0), "inf"),
    "images with gradients": (shown(lambda each: each.requires_grad_()), r"requires_grad.*images.detach\(\)"),
    "gray images without channels": (shown(lambda each: each[:, 0]), r"\(N, C, H, W\), got \(12, 16, 16\)"),
    "images of 6 pixels": (lambda: Pools(*(drawn(9, 6) for _ in range(3)), ("a", "b", "c")), "at least 7x7 pixels"),
    "no pixels": (shown(lambda each: each[..., :0]), r"got \(12, 1, 16, 0\)"),
    "pools of two sizes": (lambda: replace(sound(), aux=drawn(12, 20)), r"\(1, 20, 20\) in aux"),
    "channels last": (shown(lambda each: each.permute(0, 2, 3, 1)), "got "),
    "sparse images": (shown(lambda each: each.to_sparse()), "dense tensor, got torch.sparse_coo"),
    "images as an array": (shown(lambda each: each.numpy()), "dense tensor, got ndarray"),
    "an empty pool": (lambda: replace(sound(), private=drawn(9)[:0]), "private to hold at least one image, got none"),
    "a pool that is a tensor": (lambda: replace(sound(), aux=torch.rand(9, 1, 16, 16)), "ImageSet, got Tensor"),
    "fewer names than classes": (lambda: replace(sound(), classes=("a", "b")), "for 2 classes, got 0 to 2"),
    "one name": (lambda: replace(sound(), classes=("a",)), "at least 2 classes, got 1"),
    "names as a list": (lambda: replace(sound(), classes=["a", "b", "c"]), r"tuple of names, got \['a'"),
    "numbers for names": (lambda: replace(sound(), classes=(0, 1, 2)), r"tuple of names, got \(0, 1"),
    "a name twice": (lambda: replace(sound(), classes=("a", "b", "a")), "'a' more than once"),
    "fewer sources than images": (
        lambda: replace(sound(), private=replace(drawn(9), sources=torch.arange(8))),
        r"sources of private to be .*, got \(8,\)",
    ),
    "a tuple of pools": (lambda: (drawn(30), drawn(12), drawn(9)), "Expected Pools, got tuple"),
}


class Odd(Dataset):
    """What a test says."""

    def load(self, data_dir: object) -> Pools:
        return type(self).make()  # pyright: ignore[reportAttributeAccessIssue]


def setting() -> Setting:
    return plan(Request(dataset="photos", model="lenet5", splits=["conv1"], attacks=["ridge"], images=6))[0].setting


@pytest.mark.parametrize("name", REFUSED)
def test_pools_that_break_the_contract_are_refused_in_a_sentence(name: str) -> None:
    make, words = REFUSED[name]
    bench = Artifacts(device=torch.device("cpu"), data_dir=None, load=lambda dataset: make())

    with pytest.raises(UsageError, match=words) as caught:
        bench.check(setting())

    message = str(caught.value)
    assert message.startswith("Expected ")
    assert "dataset photos" in message
    assert len(message.splitlines()) == 1
    assert len(message) < 250


@pytest.mark.parametrize("name", REFUSED)
def test_the_checks_of_plug_ins_say_the_same(name: str) -> None:
    make, words = REFUSED[name]

    with pytest.raises(UsageError, match=words):
        pools_are_sound(type("Mine", (Odd,), {"make": staticmethod(make)})(), Lab())


ODD = {
    "images that are not contiguous": shown(lambda each: each.permute(0, 1, 3, 2), "private"),
    "images that repeat one value in memory": shown(lambda each: each[:, :, :1, :1].expand(-1, -1, 16, 16)),
    "labels with a stride": labelled(lambda each: each.repeat_interleave(2)[::2]),
    "images 7 pixels wide": lambda: Pools(drawn(30, 7), drawn(12, 7), drawn(9, 7), ("a", "b", "c")),
    "a class that only the attacker lacks": labelled(lambda each: each.clamp(max=1), "aux"),
}


@pytest.mark.parametrize("name", ODD)
def test_odd_pools_that_keep_the_contract_are_taken(name: str) -> None:
    pools = ODD[name]()
    bench = Artifacts(device=torch.device("cpu"), data_dir=None, load=lambda dataset: pools)

    assert bench.facts(setting().dataset).private == 9
    assert len(bench.originals(setting())) == 6


def test_pools_that_share_their_memory_are_taken() -> None:
    whole = drawn(51)
    pools = Pools(whole[:30], whole[30:42], whole[42:], ("a", "b", "c"))
    bench = Artifacts(device=torch.device("cpu"), data_dir=None, load=lambda dataset: pools)

    assert bench.check(setting())


class Normalized(Model):
    """A network that ends at one pixel, where a batch normalization needs more than one image to train on."""

    outputs: int = 0

    def build(self, image_shape: tuple[int, int, int], classes: int) -> nn.Sequential:
        pooled = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.BatchNorm2d(4), nn.Flatten())
        return nn.Sequential(
            OrderedDict(conv1=nn.Conv2d(image_shape[0], 4, 5), pool1=pooled, fc1=nn.Linear(4, self.outputs or classes))
        )


def normalized(**params: int) -> ResolvedComponent:
    entry = Entry(kind="models", name="normalized", target="t:Normalized", package="third-party", version="7")
    return ResolvedComponent(entry, Normalized(**params))


def test_a_network_with_batch_normalization_of_one_pixel_is_trained_and_attacked() -> None:
    bench = Artifacts(device=torch.device("cpu"), data_dir=None, load=lambda dataset: sound())
    place = replace(setting(), model=normalized())
    ridge = plan(Request(attacks=["ridge"]))[0].attack

    bench.check(place)
    record, _ = evaluate(Cell(place, ridge), "0123456789abcdef", bench)

    assert record.row.status == "done", record.row.reason


def test_a_network_with_too_few_outputs_is_refused_before_it_is_trained() -> None:
    bench = Artifacts(device=torch.device("cpu"), data_dir=None, load=lambda dataset: sound())

    with pytest.raises(UsageError, match=r"Expected logits \(2, 3\) .*got \(2, 2\) from model normalized"):
        bench.check(replace(setting(), model=normalized(outputs=2)))
