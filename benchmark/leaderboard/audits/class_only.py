"""An attack recovers the class only."""

from __future__ import annotations

from collections.abc import Iterator

from ...plan.references import REFERENCE_ATTACK
from ..flags import Finding, FlagKind
from ..scored_rows import ScoredRows, psnr
from .comparisons import NOTHING_DB, same_setting, tells_no_images_apart


def class_only(board: ScoredRows) -> Iterator[Finding]:
    """Find attacks above the mean image that score as well on another image of the same class.

    The attack may have read the class from the wire, which is honest, or from elsewhere, such as the order of the
    images. In both cases its score says how similar the images of a class are, not how much of an image leaks.
    """
    for row, other in same_setting(board, REFERENCE_ATTACK):
        details, above = board.details(row), psnr(row) - psnr(other)
        gap, same = details.get("psnr_db_above_same_class_high"), details.get("psnr_db_same_class")
        if gap is None or same is None or gap > above / 2 or tells_no_images_apart(board, row, above):
            continue
        if board.exceeds(row, other, NOTHING_DB):
            mean = details.get("psnr_db_class_mean")
            found = f"scores {psnr(row):.2f} dB, {above:.2f} dB above the mean image, and {same:.2f} dB"
            means = "" if mean is None else f"; the mean images of the true classes score {mean:.2f} dB"
            yield Finding.of(row, f"{found} on other images of the same class{means}", other)


KIND = FlagKind(
    identifier="class-only",
    meaning="An attack scores above the mean image, and equally well on other images of the same class.",
    causes=(
        "The attack reads only the class from the wire.",
        "The attack knows the classes from another source, such as the order of the images.",
    ),
    remedy="Report that the class leaks, not the image. Compare with the mean images of the true classes.",
    find=class_only,
)
