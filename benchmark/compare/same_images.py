"""Pair the scores of single images on two boards that attacked the same images."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

import numpy as np

from ..leaderboard.loading import BoardRow
from ..leaderboard.records import PerImage
from ..plan.references import REFERENCE_ATTACK
from .matching import CellGroup

SCORE_TOLERANCE = {"psnr_db": 1e-3, "ssim": 1e-4}
"""Difference of the mean image's score of one image between machines, at most. Other images differ by much more."""
PER_IMAGE = tuple(SCORE_TOLERANCE)
"""Columns for which records hold the score of each image."""


class Fingerprints:
    """Identify the images that a board attacked, which it does not contain.

    The mean image ignores the wire, so its score of each image depends only on that image and the attacker's images.
    Boards on which it has the same scores attacked the same images in the same order.

    Example:
        >>> Fingerprints([]).of(CellGroup((BoardRow({"dataset": "mnist", "n_images": 64}),)))
        []
    """

    def __init__(self, entries: Iterable[BoardRow]) -> None:
        """Collect the scores of the mean image, by dataset and number of images."""
        self._found: dict[tuple[str, int], list[PerImage]] = defaultdict(list)
        for entry in entries:
            if entry.record and entry.values["attack"] == REFERENCE_ATTACK and entry.record.per_image.psnr_db:
                self._found[entry.values["dataset"], entry.values["n_images"]].append(entry.record.per_image)

    def of(self, group: CellGroup) -> list[PerImage]:
        """Return the scores of the mean image on the dataset of a group, once per cell of the mean image."""
        return self._found.get((group.value("dataset"), group.value("n_images")), [])


def same_images(one: CellGroup, other: CellGroup, fingerprints_a: Fingerprints, fingerprints_b: Fingerprints) -> bool:
    """Return whether two groups certainly attacked the same images in the same order.

    Args:
        one: Group of the first board.
        other: Group of the second board.
        fingerprints_a: Fingerprints of the first board.
        fingerprints_b: Fingerprints of the second board.
    """
    cells = {entry.values.get("cell_id") for entry in (*one.entries, *other.entries)}
    if len(cells) == 1 and None not in cells:
        return True  # the identity of a cell contains the fingerprint of the data
    here, there = fingerprints_a.of(one), fingerprints_b.of(other)
    first, *others = [*here, *there] or [PerImage()]
    return bool(here and there) and all(_equal(first, each) for each in others)


def _equal(one: PerImage, other: PerImage) -> bool:
    return all(
        len(getattr(one, name)) == len(getattr(other, name))
        and np.allclose(getattr(one, name), getattr(other, name), rtol=0, atol=tolerance)
        for name, tolerance in SCORE_TOLERANCE.items()
    )


def sources(*groups: CellGroup) -> list[int] | None:
    """Return the source of each image, (N,), of groups that attacked the same images; None if they are independent."""
    records = [entry.record for group in groups for entry in group.done]
    named = [record.per_image.sources for record in records if record and record.per_image.sources]
    return named[0] if named else None


def per_image(group: CellGroup, column: str) -> Sequence[float] | None:
    """Return the score of each image, averaged over seeds, (N,); None if scores of images are not available."""
    records = [entry.record for entry in group.done]
    values = [getattr(record.per_image, column) for record in records if record]
    lengths = {len(each) for each in values}
    if not values or len(values) < len(records) or len(lengths) > 1 or lengths == {0}:
        return None
    means = np.mean(np.array(values, dtype=np.float64), axis=0)  # (seeds, N) to (N,)
    return means.tolist() if np.isfinite(means).all() else None
