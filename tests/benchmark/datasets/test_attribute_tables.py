"""Tables of attributes, which are beside the labels that a network is for."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from mia_bench.benchmark.errors import UsageError
from mia_bench.benchmark.evaluation.pool_validation import validate_pools
from mia_bench.benchmark.utils.fingerprints import disjoint_fingerprint

from .labeled_images import COUNT, FLAGS, IMAGES, NUMBERS, arrays, folder, images, table


@pytest.mark.parametrize("classes", [False, True])
def test_a_table_of_attributes_beside_labels_is_not_what_the_network_is_for(tmp_path: Path, classes: bool) -> None:
    def name(index: int) -> str:
        return f"{'ab'[index % 2]}/{index}.png" if classes else f"{index}.png"

    root = images(tmp_path, name)
    table(root, NUMBERS, "file,age,height", "Attributes.csv", names=name)
    if not classes:
        table(root, FLAGS, "file,red,green,blue", names=name)
    pools = folder(root, task="classification" if classes else "auto")

    assert pools.task == ("classification" if classes else "multi-label")
    assert pools.attributes == ("age", "height")
    by_image = {IMAGES[index].transpose(2, 0, 1).tobytes(): NUMBERS[index] for index in range(COUNT)}
    for pool in (pools.train, pools.aux, pools.private):
        assert pool.attributes is not None
        for image, values in zip(pool.images, pool.attributes, strict=True):
            content = (image * 255).round().byte().numpy().tobytes()
            np.testing.assert_allclose(values.numpy(), by_image[content], rtol=1e-6)


def test_other_attributes_are_other_data_and_none_are_the_data_without(tmp_path: Path) -> None:
    table(images(tmp_path), FLAGS, "file,red,green,blue")
    without = disjoint_fingerprint(folder(tmp_path))
    table(tmp_path, NUMBERS, "file,age,height", "attributes.csv")
    one = disjoint_fingerprint(folder(tmp_path))
    table(tmp_path, NUMBERS + 1, "file,age,height", "attributes.csv")

    assert len({without, one, disjoint_fingerprint(folder(tmp_path))}) == 3


def test_an_image_without_a_line_of_attributes_is_named(tmp_path: Path) -> None:
    table(images(tmp_path), FLAGS, "file,red,green,blue")
    (tmp_path / "attributes.csv").write_text("file,age\n0.png,1\n")

    with pytest.raises(UsageError, match=r"Expected a line for each image in .*attributes.csv, got none for '"):
        folder(tmp_path)


@pytest.mark.parametrize(
    ("values", "names", "words"),
    [
        (None, ("age",), "Expected the attributes of train to be"),
        (torch.zeros(COUNT, 2), ("age",), "Give each image a number for each name"),
        (torch.full((COUNT, 1), torch.nan), ("age",), "to be finite, got NaN"),
    ],
)
def test_attributes_that_do_not_fit_their_images_are_refused(
    tmp_path: Path, values: torch.Tensor | None, names: tuple[str, ...], words: str
) -> None:
    pools = arrays(tmp_path, FLAGS)
    some = None if values is None else values[: len(pools.train)]
    given = replace(pools, train=replace(pools.train, attributes=some), attributes=names)

    with pytest.raises(UsageError, match=words):
        validate_pools(given, "x")
