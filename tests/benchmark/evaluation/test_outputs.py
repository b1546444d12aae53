"""Which output of a network with given weights belongs to which label: the same in Python and on the command line."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from mia_bench.benchmark.datasets.arrays import Arrays
from mia_bench.benchmark.datasets.imagefolder import Imagefolder
from mia_bench.benchmark.datasets.npz import Npz
from mia_bench.benchmark.errors import UsageError
from mia_bench.benchmark.evaluation.artifacts import Artifacts
from mia_bench.benchmark.evaluation.outputs import data_fingerprint
from mia_bench.benchmark.evaluation.pool_loader import Facts
from mia_bench.benchmark.interfaces import Dataset, Model
from mia_bench.benchmark.registry import Entry
from mia_bench.benchmark.registry.specs import ResolvedComponent
from mia_bench.models.module import Module
from mia_bench.models.python import Python
from PIL import Image
from torch import Tensor, nn
from torchvision.datasets import ImageFolder
from torchvision.transforms import ToTensor

COUNT, SIZE = 60, 12
TURNS = np.arange(COUNT)


class Levels(nn.Module):
    """Is right about all images whose red is the position of their class among so many, from 0 to 1."""

    def __init__(self, outputs: int) -> None:
        super().__init__()
        self.red, self.last = nn.Conv2d(3, 1, 1, bias=False), nn.Linear(1, outputs)
        levels = torch.arange(outputs) / outputs
        self.red.weight.data = torch.tensor([1.0, 0, 0]).view(1, 3, 1, 1)
        self.last.weight.data, self.last.bias.data = 2 * levels[:, None], -levels.square()

    def forward(self, images: Tensor) -> Tensor:
        return self.last(self.red(images).mean((2, 3)))


class Named(Model):
    """Brings its weights; its outputs have names."""

    names: tuple[str, ...] = ("ant", "bee", "cat", "dog", "eel")

    @property
    def given_weights(self) -> str:
        return "0123456789abcdef"

    @property
    def class_names(self) -> tuple[str, ...] | None:
        return self.names or None

    def build(self, image_shape: tuple[int, int, int], classes: int) -> nn.Sequential:
        raise NotImplementedError


def of_four() -> nn.Module:
    return Levels(4)


def of_twelve() -> nn.Module:
    return Levels(12)


def images(positions: Any, outputs: int) -> np.ndarray[Any, Any]:
    """Images (N, H, W, 3) of the classes at these positions of the outputs."""
    pixels = np.random.default_rng(0).integers(0, 256, (len(positions), SIZE, SIZE, 3), np.uint8)
    pixels[..., 0] = np.rint(255 * np.asarray(positions) / outputs)[:, None, None]
    return pixels


def write(root: Path, names: Any, positions: Any, outputs: int) -> Path:
    """Write images into the folder itself, or into folders of classes if these have names."""
    for index, pixels in enumerate(images(positions, outputs)):
        path = root / (f"{names[index]}/{index:02}.png" if names is not None else f"{index:02}.png")
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path)
    return root


@pytest.fixture(params=["object", "code"])
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


def model(kind: str, outputs: int, **params: Any) -> Model:
    if kind == "object":
        return Module.holding(Levels(outputs), params).pinned((3, SIZE, SIZE), outputs)
    name = {4: "of_four", 12: "of_twelve"}[outputs]
    return Python(**{"build": f"{__name__}:{name}", **params}).pinned((3, SIZE, SIZE), outputs)


def accuracy(dataset: Dataset, network: Model, folder: Path | None = None) -> float:
    bench = Artifacts(device=torch.device("cpu"), data_dir=folder)
    data, given = (
        ResolvedComponent(Entry(kind, "it", "", package="mia-bench", version="1"), part)
        for kind, part in (("datasets", dataset), ("models", network))
    )
    pools, target = bench.targets.pools(data, given), bench.targets.structure(data, given)
    found = [(target(each.images).argmax(1) == each.labels).float().mean() for each in (pools.private, pools.aux)]
    return float(sum(found)) / 2


@pytest.mark.parametrize("source", ["object", "folder", "names"])
def test_names_of_classes_made_of_digits_are_in_alphabetical_order(kind: str, source: str, tmp_path: Path) -> None:
    names = np.array(sorted(map(str, range(12))))[TURNS % 12]
    root = write(tmp_path, names, TURNS % 12, 12)
    dataset = {
        "object": lambda: Arrays.holding(ImageFolder(root, ToTensor()), {}),
        "folder": lambda: Imagefolder(size=SIZE),
        "names": lambda: Arrays.holding((images(TURNS % 12, 12), names.tolist()), {}),
    }[source]()

    assert accuracy(dataset, model(kind, 12), root) == 1


def test_fewer_names_made_of_digits_than_outputs_are_refused(kind: str, tmp_path: Path) -> None:
    names = np.array(["0", "1", "2"])[TURNS % 3]

    with pytest.raises(UsageError, match=r"Expected 3 outputs, .*, got 4\. .* categories=FILE"):
        accuracy(Arrays.holding((images(TURNS % 3, 4), names), {}), model(kind, 4))
    (tmp_path / "names.txt").write_text("0\n1\n2\n3\n")
    named = model(kind, 4, categories=tmp_path / "names.txt")
    assert accuracy(Arrays.holding((images(TURNS % 3, 4), names), {}), named) == 1


@pytest.mark.parametrize("count", [3, 5])
def test_another_number_of_names_than_of_outputs_is_refused(kind: str, count: int, tmp_path: Path) -> None:
    (tmp_path / "names.txt").write_text("".join(f"{each}\n" for each in range(count)))
    named = model(kind, 4, categories=tmp_path / "names.txt")

    with pytest.raises(UsageError, match=rf"Expected 4 names of classes in .*names\.txt, .*, got {count}\. Correct"):
        accuracy(Arrays.holding((images(TURNS % 3, 4), np.array(["0", "1", "2"])[TURNS % 3]), {}), named)


@pytest.mark.parametrize(
    ("written", "labels", "words"),
    [
        (
            "ant bee cat dog",
            TURNS % 3,
            r"among the 4 names that categories gives, such as 'ant', got '0', '1', '2'\. Leave out categories",
        ),
        ("0 1 8 9", TURNS % 3, r"got '2', which is not\. Leave out categories, so that labels that are numbers are"),
        (
            "ant bee cat dog",
            np.array(list("ABC"))[TURNS % 3],
            r"got 'A', 'B', 'C'\. Write these names into the file in",
        ),
        ("ant bee cat dog", np.array(list("ABCD"))[TURNS % 4], r"got 'A', 'B', 'C', 'D'\. Write these names"),
        (
            "A bee cat dog",
            np.array(list("ABCDEF"))[TURNS % 6],
            r"got 'B', 'C', 'D', 'E', which are not\. Rename them, ",
        ),
    ],
)
def test_given_names_that_are_not_those_of_the_dataset_are_said_to_be(
    kind: str, written: str, labels: Any, words: str, tmp_path: Path
) -> None:
    (tmp_path / "names.txt").write_text("\n".join(written.split()))
    named = model(kind, 4, categories=tmp_path / "names.txt")

    with pytest.raises(UsageError, match=words):
        accuracy(Arrays.holding((images(TURNS % 3, 4), labels), {}), named)


def test_names_are_not_asked_for_where_they_are_given(kind: str, tmp_path: Path) -> None:
    (tmp_path / "names.txt").write_text("ant\nbee\ncat\ndog")
    named = model(kind, 4, categories=tmp_path / "names.txt")

    with pytest.raises(UsageError, match=r"Expected 3 outputs, .* was trained on, or head=retrain"):
        accuracy(Arrays.holding((images(TURNS % 3, 4), np.random.default_rng(0).random((COUNT, 3)) < 0.5), {}), named)


def test_numbers_may_be_in_the_order_of_as_many_given_names(kind: str, tmp_path: Path) -> None:
    (tmp_path / "names.txt").write_text("ant\nbee\ncat\ndog")
    named = model(kind, 4, categories=tmp_path / "names.txt")

    assert accuracy(Arrays.holding((images(TURNS % 4, 4), TURNS % 4), {}), named) == 1


def numbered(source: str, folder: Path, labels: Any, positions: Any) -> Dataset:
    """The same images with numbers as labels, from each source."""
    if source == "arrays":
        return Arrays.holding((images(positions, 4), labels), {})
    if source == "npz":
        np.savez(folder / "x.npz", images=images(positions, 4), labels=labels)
        return Npz(path=Path("x.npz"))
    write(folder, None, positions, 4)
    lines = [f"{index:02}.png,{label}" for index, label in enumerate(labels)]
    (folder / "labels.csv").write_text("\n".join(["file,kind", *lines]))
    return Imagefolder(size=SIZE, task="classification")


@pytest.mark.parametrize("source", ["arrays", "npz", "table"])
@pytest.mark.parametrize(
    ("labels", "positions"),
    [
        (TURNS % 4, TURNS % 4),
        (TURNS % 3, TURNS % 3),
        (2 * (TURNS % 2) + 1, 2 * (TURNS % 2) + 1),
        (10 * (TURNS % 4), TURNS % 4),
        (TURNS % 4 + 1, TURNS % 4),
    ],
)
def test_numbers_are_positions_of_outputs_or_else_in_their_order(
    kind: str, source: str, labels: Any, positions: Any, tmp_path: Path
) -> None:
    assert accuracy(numbered(source, tmp_path, labels, positions), model(kind, 4), tmp_path) == 1


@pytest.mark.parametrize("source", ["arrays", "npz", "table"])
@pytest.mark.parametrize("labels", [10 * (TURNS % 3), TURNS % 5])
def test_other_numbers_are_refused(kind: str, source: str, labels: Any, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"Expected [35] outputs, .*, got 4\. .* categories=FILE with their names"):
        accuracy(numbered(source, tmp_path, labels, TURNS % 3), model(kind, 4), tmp_path)


def test_one_hot_rows_are_positions_of_outputs(kind: str) -> None:
    assert accuracy(Arrays.holding((images(TURNS % 3, 4), np.eye(3)[TURNS % 3]), {}), model(kind, 4)) == 1


def test_another_name_of_a_class_is_other_data_for_a_network_whose_outputs_have_names() -> None:
    facts = {
        names: Facts("0" * 16, (3, SIZE, SIZE), 2, names, "classification", 9, 9, 9, 0)
        for names in (("cat", "dog"), ("cat", "eel"), ("ant", "bee"))
    }
    named, unnamed = Named(), Named(names=())

    assert len({data_fingerprint(each, named) for each in facts.values()}) == 3
    assert data_fingerprint(facts["ant", "bee"], named) == "0" * 16  # as it is without names
    assert {data_fingerprint(each, unnamed) for each in facts.values()} == {"0" * 16}
