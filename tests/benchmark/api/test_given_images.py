"""Images in every form in which Python programs hold them."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import mia_bench
import numpy as np
import pandas as pd
import pytest
import torch
from mia_bench import ImageSet, UsageError
from mia_bench.benchmark.api.leaks import _divided
from mia_bench.benchmark.datasets._given_pools import pools_of
from mia_bench.benchmark.plan.image_lists import one_set
from mia_bench.benchmark.plan.lists import list_specs
from PIL import Image

from .test_result import IMAGES, network

ARRAY = (IMAGES.numpy() * 255).round().astype(np.uint8)  # (30, 1, 12, 12)
LABELS = np.arange(30) % 3
PHOTOS = [Image.fromarray(image[0]) for image in ARRAY]

FORMS: dict[str, Callable[[], Any]] = {
    "list of arrays": lambda: [*ARRAY],
    "list of matrices": lambda: [*ARRAY[:, 0]],
    "list of tensors": lambda: [*(IMAGES * 255).round().byte()],
    "PIL images": lambda: PHOTOS,
    "generator": lambda: (image for image in ARRAY),
    "nested numbers": lambda: (ARRAY / 255).tolist(),
    "pairs": lambda: [(image, label) for image, label in zip(PHOTOS, LABELS, strict=True)],
    "generator of pairs": lambda: ((image, label) for image, label in zip(ARRAY, LABELS, strict=True)),
    "list and labels": lambda: (PHOTOS, LABELS),
    "generator and labels": lambda: ((image for image in ARRAY), LABELS.tolist()),
    "categories": lambda: (ARRAY, pd.Series(pd.Categorical(LABELS.astype(str)))),
    "nullable integers": lambda: (ARRAY, pd.Series(LABELS, dtype="Int64")),
}


@pytest.mark.parametrize("form", FORMS)
def test_images_in_each_form_are_one_set(form: str) -> None:
    (given,) = list_specs(FORMS[form]())

    pools = pools_of(given, "auto")

    assert sum(len(each.images) for each in (pools.train, pools.aux, pools.private)) == 30
    assert pools.private.images.shape[1:] == (1, 12, 12)
    with_labels = "pairs" in form or "labels" in form or form in ("categories", "nullable integers")
    assert len(pools.classes) == (3 if with_labels else 0)


def test_a_list_of_datasets_is_several() -> None:
    assert len(list_specs([ARRAY, ARRAY[:, 0]])) == 2
    assert list_specs(["mnist", "photos"]) == ["mnist", "photos"]


def test_a_run_and_a_leak_take_a_list_of_images(tmp_path: Path) -> None:
    board = mia_bench.run(
        model=network(), split="1", dataset=PHOTOS, attacks="ridge", defenses="undefended", out=tmp_path, quiet=True
    )
    found = mia_bench.leak(network(), "1", images=(image for image in PHOTOS))

    assert board["status"].tolist() == ["done", "done"]
    assert found.originals.shape == (6, 1, 12, 12)


@pytest.mark.parametrize(("count", "attacked"), [(None, 64), (70, 70)])
def test_a_leak_attacks_as_many_private_images_as_asked_for(count: int | None, attacked: int) -> None:
    private, aux = np.random.default_rng(0).random((2, 80, 1, 12, 12), np.float32)

    found = mia_bench.leak(network(), "1", images=private, aux=aux, count=count)

    assert found.originals.shape == (attacked, 1, 12, 12)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (ARRAY[:1], "at least 3 different images, one each for the victim, .*, got 1"),
        ([*ARRAY[:2]], "at least 3 different images, .*, got 2"),
        (np.repeat(ARRAY[:1], 9, 0), "at least 3 different images, .*, got 1"),
        ([ARRAY[0], ARRAY[1][:, :5]], r"Expected images of one size, got \(1, 12, 12\) and \(1, 5, 12\) at position 1"),
        ([[[[0.1, 0.2]], [[0.1]]]], "Expected images of one size, got lists of several lengths"),
        (([*ARRAY], [None] * 30), r"Expected a label for each of the 30 images of images, .*, got None at position 0"),
        (([*ARRAY], ["a", *[float("nan")] * 29]), "a label for each of the 30 images .*, got nan at position 1"),
        (
            [PHOTOS[0], PHOTOS[1].convert("RGB")],
            r"Expected images with equally many channels, got \(1, 12, 12\) and \(12, 12, 3\) at position 1. Convert",
        ),
        (PHOTOS[0], "a list of images, .*, got <PIL.Image"),
        ([], "a list of images"),
    ],
)
def test_images_that_cannot_be_used_are_refused_in_a_sentence(given: Any, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        pools_of(one_set(given), "auto")


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: mia_bench.run(out=None), "Expected out to be a path, got None"),  # pyright: ignore
        (lambda: mia_bench.run(data_dir=3), "Expected data_dir to be a path, got 3"),  # pyright: ignore
        (lambda: mia_bench.run(network()), r"a path or a name, got a Sequential. Name the other arguments"),  # pyright: ignore
        (lambda: mia_bench.rank([pd.DataFrame()]), r"boards one by one, data frames or paths, got \[DataFrame"),  # pyright: ignore
        (lambda: mia_bench.plot("x", measure="mse"), "Expected measure to be psnr_db or ssim, got 'mse'"),  # pyright: ignore
        (lambda: mia_bench.run(model=network().state_dict()), "got a table of 4 weights. Give the network"),
        (
            lambda: mia_bench.run(model={"name": network(), "mean": [0, 1], "std": 1}, dataset=IMAGES),
            "Expected mean to be a number or a list of 1, one for each channel, got 2 numbers",
        ),
    ],
)
def test_arguments_of_other_types_are_refused_in_a_sentence(call: Callable[[], object], words: str) -> None:
    with pytest.raises(UsageError, match=words) as refused:
        call()
    assert "tensor(" not in str(refused.value)


def _numbers() -> Iterator[int]:
    yield 1


def test_a_generator_of_something_else_stays_a_list() -> None:
    assert list_specs(_numbers()) == [1]


def test_a_set_with_sources_and_attributes_is_divided_with_them() -> None:
    images = ImageSet(IMAGES, torch.arange(30) % 3, sources=torch.arange(30), attributes=torch.arange(30.0)[:, None])

    pools = _divided(images)

    for each in (pools.private, pools.aux, pools.train):
        assert torch.equal(each.sources, each.attributes[:, 0].long())
        assert torch.equal(each.images, IMAGES[each.sources])
