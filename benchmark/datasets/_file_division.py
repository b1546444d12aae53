"""Files of labelled images in a fixed random order: some of them, or divided into a training and a test split."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence

from ..errors import UsageError

LabelledFile = tuple[str, int]
"""Path relative to the root, and label."""

TEST_SHARE = 5
"""One image of so many is a test image where a tree has no test split."""
MIN_CLASS_IMAGES = 3
"""Images of a class that is divided, at least: one for each pool."""


def spread(files: Sequence[LabelledFile]) -> list[LabelledFile]:
    """Order files so that every beginning has the classes in proportion.

    The order within a class follows from the paths alone, so adding files moves the others as little as possible.
    """
    by_class: dict[int, list[LabelledFile]] = defaultdict(list)
    for file in sorted(files, key=lambda file: hashlib.sha256(file[0].encode(errors="surrogateescape")).digest()):
        by_class[file[1]].append(file)
    placed = [((rank + 0.5) / len(own), file) for own in by_class.values() for rank, file in enumerate(own)]
    return [file for _, file in sorted(placed, key=lambda each: (each[0], each[1][1]))]


def divide_files(files: Sequence[LabelledFile], classes: Sequence[str]) -> dict[str, list[LabelledFile]]:
    """Make a fifth of the files of each class, but at least one, the test split.

    Args:
        files: All of them.
        classes: Names of the classes, in label order.

    Raises:
        UsageError: If a class has fewer than ``MIN_CLASS_IMAGES`` images.
    """
    splits: dict[str, list[LabelledFile]] = {"train": [], "test": []}
    for label, name in enumerate(classes):
        own = spread([file for file in files if file[1] == label])
        if len(own) < MIN_CLASS_IMAGES:
            raise UsageError(
                f"Expected at least {MIN_CLASS_IMAGES} images of class {name!r}, got {len(own)}. Add images, so that "
                "the victim, the attacker and the test split have one each."
            )
        held = max(1, len(own) // TEST_SHARE)
        splits["test"] += sorted(own[:held])
        splits["train"] += sorted(own[held:])
    return splits
