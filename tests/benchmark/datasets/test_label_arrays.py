"""Labels in arrays: which task they are for, and with which image each stays."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mia_bench.benchmark.errors import UsageError
from mia_bench.benchmark.utils.fingerprints import disjoint_fingerprint

from .labeled_images import COUNT, FLAGS, IMAGES, NUMBERS, arrays


@pytest.mark.parametrize(
    ("labels", "params", "task", "classes"),
    [
        (FLAGS, {}, "multi-label", ("0", "1", "2")),
        (FLAGS.astype(bool), {}, "multi-label", ("0", "1", "2")),
        (np.eye(3, dtype=int)[np.arange(COUNT) % 3], {}, "classification", ("0", "1", "2")),
        (NUMBERS, {}, "regression", ("0", "1")),
        (NUMBERS[:, 0], {}, "regression", ("0",)),
        (np.arange(COUNT)[:, None] % 5, {}, "classification", ("0", "1", "2", "3", "4")),
        (np.arange(COUNT)[:, None] % 5, {"task": "regression"}, "regression", ("0",)),
        (FLAGS, {"task": "regression"}, "regression", ("0", "1", "2")),
        (np.arange(COUNT) % 5, {"task": "unlabeled"}, "unlabeled", ()),
        (None, {}, "unlabeled", ()),
    ],
)
def test_arrays_of_labels_tell_their_task(
    tmp_path: Path, labels: Any, params: dict[str, Any], task: str, classes: tuple[str, ...]
) -> None:
    pools = arrays(tmp_path, labels, **params)

    assert (pools.task, pools.classes) == (task, classes)
    assert len(pools.train) + len(pools.aux) + len(pools.private) == COUNT


def test_each_image_keeps_its_labels(tmp_path: Path) -> None:
    pools = arrays(tmp_path, NUMBERS)

    by_image = {IMAGES[index].transpose(2, 0, 1).tobytes(): NUMBERS[index] for index in range(COUNT)}
    for pool in (pools.train, pools.aux, pools.private):
        for image, label in zip(pool.images, pool.labels, strict=True):
            content = (image * 255).round().byte().numpy().tobytes()
            np.testing.assert_allclose(label.numpy(), by_image[content], rtol=1e-6)


def test_other_labels_are_other_data(tmp_path: Path) -> None:
    found = {disjoint_fingerprint(arrays(tmp_path, FLAGS, task=task)) for task in ("multi-label", "regression")}

    assert len(found | {disjoint_fingerprint(arrays(tmp_path, FLAGS, task="unlabeled"))}) == 3


@pytest.mark.parametrize(
    ("labels", "task", "words"),
    [
        (NUMBERS, "multi-label", "Expected 0 and 1, or -1 and 1, in the array labels"),
        (NUMBERS, "classification", "got 2 columns in which not exactly one is 1. Give task=multi-label"),
        (NUMBERS[:, 0], "classification", "Expected whole numbers"),
    ],
)
def test_labels_that_do_not_fit_a_task_are_refused(tmp_path: Path, labels: Any, task: Any, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        arrays(tmp_path, labels, task=task)
