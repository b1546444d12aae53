"""The order of the private images tells an attack nothing, and what knows their classes alone is flagged."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch
from mia_bench.attacks.mean_image import MeanImage
from mia_bench.benchmark import registry
from mia_bench.benchmark.evaluation.artifacts import Artifacts
from mia_bench.benchmark.evaluation.evaluate import evaluate
from mia_bench.benchmark.evaluation.protection import sample_images
from mia_bench.benchmark.evaluation.scoring import classmates, compare_classmates
from mia_bench.benchmark.interfaces import Access, Attack, ImageSet, Observation, Pools
from mia_bench.benchmark.leaderboard.auditing import audit
from mia_bench.benchmark.leaderboard.records import Record
from mia_bench.benchmark.plan.cells import Cell, Setting
from mia_bench.benchmark.plan.expansion import plan
from mia_bench.benchmark.plan.request import Request
from mia_bench.benchmark.registry import Entry
from mia_bench.benchmark.registry.specs import ResolvedComponent
from mia_bench.benchmark.utils.cache import digest
from mia_bench.benchmark.utils.fingerprints import class_means, in_neutral_order
from torch import Tensor

from ...helpers.trees import CLASSES, image_tree


class ByClass(Attack):
    """Answers with the attacker's mean image of a class for each image, and looks at no wire."""

    access: ClassVar[Access] = Access.BLACK_BOX
    guess: ClassVar[Callable[[int], Tensor]]

    def reconstruct(self, seen: Observation) -> Tensor:
        means = class_means(seen.aux, seen.classes)
        return means[type(self).guess(len(seen.wire)) % seen.classes]


def bands(count: int) -> ImageSet:
    """Noise with a bright band, whose height is the class; the classes in turn."""
    images, labels = 0.4 * torch.rand(count, 3, 16, 16), torch.arange(count) % 3
    for image, label in zip(images, labels.tolist(), strict=True):
        image[:, 5 * label : 5 * label + 5] += 0.5
    return ImageSet(images, labels)


@pytest.fixture
def bench() -> Artifacts:
    torch.manual_seed(0)
    pools = Pools(bands(90), bands(30), bands(24), ("top", "middle", "bottom"))
    return Artifacts(device=torch.device("cpu"), data_dir=None, load=lambda dataset: pools)


@pytest.fixture
def place() -> Setting:
    request = Request(
        dataset="imagefolder:size=16", model="lenet5", splits=["conv1"], defenses=["dp_ir:sigma=9"], images=24
    )
    return plan(request)[-1].setting


def scored(bench: Artifacts, place: Setting, guess: Callable[[int], Any]) -> tuple[Record, Record, list[str]]:
    """The records of an attack that guesses classes and of the mean image, and the names of the flags."""
    attack = type("Guessing", (ByClass,), {"guess": staticmethod(guess)})()
    entry = Entry(kind="attacks", name="guessing", target="t:Guessing", package="third-party", version="7")
    reference = ResolvedComponent(registry.find("attacks", "mean_image"), MeanImage())
    chosen = {"guess": ResolvedComponent(entry, attack), "mean": reference}
    records = {name: evaluate(Cell(place, each), digest(name), bench)[0] for name, each in chosen.items()}
    found = audit([each.row for each in records.values()], {each.row.cell_id: each for each in records.values()})
    return records["guess"], records["mean"], [flag.name for flag in found]


@pytest.mark.slow
def test_an_attack_that_takes_the_order_for_the_label_gains_nothing(bench: Artifacts, place: Setting) -> None:
    guessed, mean, _ = scored(bench, place, torch.arange)

    assert guessed.row.psnr_db is not None
    assert mean.row.psnr_db is not None
    assert guessed.row.psnr_db < mean.row.psnr_db


@pytest.mark.slow
def test_an_attack_that_knows_the_labels_from_elsewhere_is_flagged(bench: Artifacts, place: Setting) -> None:
    labels = bench.attacked(place).labels

    known, mean, flags = scored(bench, place, lambda _: labels)

    assert known.row.psnr_db == pytest.approx(known.details["psnr_db_class_mean"], abs=1e-3)
    assert known.row.psnr_db > (mean.row.psnr_db or 0) + 1
    assert known.details["psnr_db_same_class"] == pytest.approx(known.row.psnr_db, abs=1)
    assert flags == ["class-only"]


@pytest.mark.parametrize("dataset", ["imagefolder:size=16", "photos"])
def test_the_attacked_images_are_the_first_of_the_pool_in_another_order(tmp_path: Path, dataset: str) -> None:
    bench = Artifacts(device=torch.device("cpu"), data_dir=image_tree(tmp_path / "images"))
    setting = plan(Request(dataset=dataset, attacks=["ridge"], defenses=["undefended"], images=21))[0].setting
    attacked, first = bench.attacked(setting), bench.pools(setting.dataset).private[:21]

    assert attacked.labels.tolist() != first.labels.tolist()
    assert {tuple(row) for row in attacked.images.flatten(1).tolist()} == {
        tuple(row) for row in first.images.flatten(1).tolist()
    }
    for image, label in zip(first.images, first.labels, strict=True):
        (where,) = (attacked.images == image).flatten(1).all(1).nonzero()
        assert attacked.labels[where] == label


def test_the_gallery_begins_with_the_attacked_images_and_holds_each_once(bench: Artifacts, place: Setting) -> None:
    few = plan(Request(dataset="imagefolder:size=16", model="lenet5", splits=["conv1"], images=6))[0].setting
    gallery = bench.gallery(few, 20)

    assert torch.equal(gallery[:6], bench.originals(few))
    assert len(gallery) == len(gallery.flatten(1).unique(dim=0)) == 20
    assert len(bench.gallery(place, 20)) == 24


def test_the_order_follows_from_the_images_alone() -> None:
    pool = ImageSet(torch.rand(30, 1, 8, 8), torch.arange(30) % 3)
    shuffle = torch.randperm(30)

    one, other = in_neutral_order(pool), in_neutral_order(pool[shuffle])

    assert torch.equal(one.images, other.images)
    assert torch.equal(one.labels, other.labels)
    assert one.labels.tolist() != pool.labels.tolist()


def test_a_sample_for_accuracy_has_all_classes_also_where_the_pool_has_them_in_turn() -> None:
    pool = ImageSet(torch.rand(1000, 1, 1, 1), torch.arange(1000) % 10)

    assert len(sample_images(pool, 100).labels.unique()) == 10
    assert len(sample_images(pool, 100).images.unique()) == 100
    assert sample_images(pool, 1000) is pool


def test_each_image_has_another_of_its_class_beside_it() -> None:
    assert classmates(torch.tensor([0, 1, 0, 2, 0, 1])).tolist() == [2, 5, 4, 3, 0, 1]


def test_a_reconstruction_of_the_image_is_far_better_than_for_others_of_its_class() -> None:
    pool = ImageSet(torch.rand(12, 1, 8, 8), torch.arange(12) % 3)
    means = class_means(pool, 3)[pool.labels]

    assert compare_classmates(pool.images, pool)["psnr_db_above_same_class"] > 80
    assert compare_classmates(pool.images[classmates(pool.labels)], pool)["psnr_db_same_class"] == 100
    assert compare_classmates(means, pool)["psnr_db_above_same_class"] == pytest.approx(0, abs=0.3)
    assert compare_classmates(pool.images, ImageSet(pool.images, torch.arange(12))) == {}


def test_two_images_of_a_class_have_a_difference_and_no_interval() -> None:
    pool = ImageSet(torch.rand(3, 1, 8, 8), torch.tensor([0, 0, 1]))

    assert compare_classmates(pool.images, pool).keys() == {"psnr_db_same_class", "psnr_db_above_same_class"}


def test_a_class_of_which_the_attacker_has_no_image_gets_the_mean_of_all() -> None:
    pool = ImageSet(torch.rand(4, 1, 2, 2), torch.tensor([0, 0, 2, 2]))

    means = class_means(pool, len(CLASSES))

    assert torch.allclose(means[0], pool.images[:2].mean(0))
    assert torch.allclose(means[1], pool.images.mean(0))
