"""The values of each image on two boards, where both attacked the same images."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

import numpy as np

from ..leaderboard.loading import BoardRow
from ..leaderboard.store import PerImage
from ..plan.references import REFERENCE_ATTACK
from .matching import CellGroup

TOLERANCE = {"psnr_db": 1e-3, "ssim": 1e-4}
"""How far the mean image's score of the same image may differ between machines; other images differ by far more."""
PER_IMAGE = tuple(TOLERANCE)
"""Columns of which the records hold the value of each image."""


class Fingerprints:
    """What a board tells of which images were attacked, without holding them.

    The mean image looks at no wire, so its score of each image depends on that image and the attacker's pool alone:
    boards on which it scores every image the same attacked the same images, in the same order.
    """

    def __init__(self, entries: Iterable[BoardRow]) -> None:
        """Collect the scores of the mean image, by dataset and number of images."""
        self._found: dict[tuple[str, int], list[PerImage]] = defaultdict(list)
        for entry in entries:
            if entry.record and entry.values["attack"] == REFERENCE_ATTACK and entry.record.per_image.psnr_db:
                self._found[entry.values["dataset"], entry.values["n_images"]].append(entry.record.per_image)

    def of(self, group: CellGroup) -> list[PerImage]:
        """The mean image's scores on the dataset of a group, once per cell of the mean image."""
        return self._found.get((group.value("dataset"), group.value("n_images")), [])


def same_images(one: CellGroup, other: CellGroup, known: Fingerprints, also: Fingerprints) -> bool:
    """Whether two groups certainly attacked the same images in the same order.

    Args:
        one: of a board.
        other: of another board.
        known: the fingerprints of the first board.
        also: those of the second.
    """
    cells = {entry.values.get("cell_id") for entry in (*one.entries, *other.entries)}
    if len(cells) == 1 and None not in cells:
        return True  # the identity of a cell holds the fingerprint of the data
    first, *others = [*known.of(one), *also.of(other)] or [PerImage()]
    return bool(known.of(one) and also.of(other)) and all(_alike(first, each) for each in others)


def _alike(one: PerImage, other: PerImage) -> bool:
    return all(
        len(getattr(one, name)) == len(getattr(other, name))
        and np.allclose(getattr(one, name), getattr(other, name), rtol=0, atol=tolerance)
        for name, tolerance in TOLERANCE.items()
    )


def sources(*groups: CellGroup) -> list[int] | None:
    """The source of each image, (N,), of groups that attacked the same images; None if they are independent."""
    records = [entry.record for group in groups for entry in group.done]
    named = [record.per_image.sources for record in records if record and record.per_image.sources]
    return named[0] if named else None


def per_image(group: CellGroup, column: str) -> Sequence[float] | None:
    """The mean over the seeds of each image's value, (N,); None if the values of the images are not at hand."""
    records = [entry.record for entry in group.done]
    values = [getattr(record.per_image, column) for record in records if record]
    lengths = {len(each) for each in values}
    if not values or len(values) < len(records) or len(lengths) > 1 or lengths == {0}:
        return None
    means = np.mean(np.array(values, dtype=np.float64), axis=0)  # (seeds, N) to (N,)
    return means.tolist() if np.isfinite(means).all() else None
