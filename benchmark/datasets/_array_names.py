"""Which arrays of a ``.npz`` file hold images and labels."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

from ..errors import UsageError
from ..utils.plurals import count_of
from ._archive import Archive
from ._labels import TaskChoice

logger = logging.getLogger(__name__)

LAYOUTS: tuple[dict[str, list[tuple[str, str]]], ...] = (
    {
        "train": [("train_images", "train_labels"), ("val_images", "val_labels")],
        "test": [("test_images", "test_labels")],
    },
    {"train": [("x_train", "y_train")], "test": [("x_test", "y_test")]},
    {"train": [("images", "labels")]},
    {"train": [("x", "y")]},
)
"""Names of the arrays of each split: MedMNIST's, Keras', and those of an archive that is not divided."""
OPTIONAL = frozenset({"val_images", "val_labels"})
ArrayLayout = dict[str, list[tuple[str, str | None]]]
"""For each split the names of arrays of images and of their labels, if they have some."""


def layout_of(archive: Archive, wanted: TaskChoice) -> ArrayLayout:
    """Return which arrays are read.

    Raises:
        UsageError: If there are none, or several sets of images.
    """
    present = set(archive.names)
    found = _labeled(present) or (_unlabeled(present) if wanted in ("auto", "unlabeled") else [])
    if not found:
        allowed = "; or ".join(", ".join(_all_names(layout)) for layout in LAYOUTS)
        raise UsageError(
            f"Expected arrays called {allowed} in {archive.path}, "
            f"got {', '.join(sorted(present)[:12]) or 'none'}. Rename the arrays."
        )
    names = [[name for pairs in layout.values() for pair in pairs for name in pair if name] for layout in found]
    if len(found) > 1:
        raise UsageError(
            f"Expected one set of images in {archive.path}, got {'; and '.join(map(', '.join, names))}. Save one of "
            "them alone."
        )
    if ignored := sorted(present.difference(*names)):
        logger.warning("Ignored %s of %s: %s.", count_of(len(ignored), "array"), archive.path, ", ".join(ignored[:12]))
    return found[0]


def _labeled(present: set[str]) -> list[ArrayLayout]:
    """Return the layouts whose images and labels are all present."""
    return [
        {split: [pair for pair in pairs if present.issuperset(pair)] for split, pairs in layout.items()}
        for layout in LAYOUTS
        if present.issuperset(_all_names(layout))
    ]


def _unlabeled(present: set[str]) -> list[ArrayLayout]:
    """Return the layouts whose images are present, and none of whose labels are."""
    found: list[ArrayLayout] = []
    for layout in LAYOUTS:
        images = {name for pairs in layout.values() for name, _ in pairs} - OPTIONAL
        labels = {name for pairs in layout.values() for _, name in pairs}
        if images <= present and not labels & present:
            found.append(
                {split: [(name, None) for name, _ in pairs if name in present] for split, pairs in layout.items()}
            )
    return found


def _all_names(layout: Mapping[str, Sequence[tuple[str, str]]]) -> list[str]:
    return [name for pairs in layout.values() for pair in pairs for name in pair if name not in OPTIONAL]
