"""Signs that a score comes from somewhere else than the wire."""

from __future__ import annotations

from collections.abc import Iterator

from ...metrics.intervals import interval
from ...plan.references import REFERENCE_ATTACK
from ...utils.plurals import count_of
from ..flags import Finding
from ..records import Row
from ..scored_rows import ScoredRows, psnr
from .comparisons import NOTHING_DB, same_setting


def beats_bound(board: ScoredRows) -> Iterator[Finding]:
    """Find attacks above the gallery bound, as mean PSNR or as PSNR of the mean error."""
    for row in board.rows:
        details, errors = board.details(row), 10 ** (-board.images(row) / 10)
        _, largest = interval(errors, sources=board.sources(row))
        ceiling = details.get("bound_psnr_db_high", row.bound_psnr_db)
        of_mean = details.get("bound_psnr_of_mean_mse_db_high", details.get("bound_psnr_of_mean_mse_db"))
        if row.psnr_db_low is not None and ceiling is not None and row.psnr_db_low > ceiling:
            yield Finding.of(row, f"scores {psnr(row):.2f} dB, above the gallery bound of {row.bound_psnr_db:.2f} dB")
        elif largest is not None and of_mean is not None and largest < 10 ** (-of_mean / 10) * (1 - 1e-6):
            below = f"has a mean squared error below that of the gallery bound ({of_mean:.2f} dB)"
            yield Finding.of(row, below)


def ignores_wire(board: ScoredRows) -> Iterator[Finding]:
    """Find attacks above the mean image that score as well when compared with other private images.

    An attack at the mean image has learned nothing, which is honest. To score above it without distinguishing
    images takes knowledge of the private images that does not come from the wire.
    """
    for row, other in same_setting(board, REFERENCE_ATTACK):
        above = psnr(row) - psnr(other)
        if _tells_no_images_apart(board, row, above) and board.exceeds(row, other, NOTHING_DB):
            wrong = board.details(row)["psnr_db_wrong_image"]
            found = f"scores {psnr(row):.2f} dB, {above:.2f} dB above the mean image, and {wrong:.2f} dB"
            yield Finding.of(row, f"{found} when compared with other private images", other)


def class_only(board: ScoredRows) -> Iterator[Finding]:
    """Find attacks above the mean image that score as well on another image of the same class.

    The attack may have read the class from the wire, which is honest, or from elsewhere, such as the order of the
    images. In both cases its score says how similar the images of a class are, not how much of an image leaks.
    """
    for row, other in same_setting(board, REFERENCE_ATTACK):
        details, above = board.details(row), psnr(row) - psnr(other)
        gap = details.get("psnr_db_above_same_class_high")
        if gap is None or gap > above / 2 or _tells_no_images_apart(board, row, above):
            continue
        if board.exceeds(row, other, NOTHING_DB):
            same, mean = details["psnr_db_same_class"], details.get("psnr_db_class_mean")
            found = f"scores {psnr(row):.2f} dB, {above:.2f} dB above the mean image, and {same:.2f} dB"
            means = "" if mean is None else f"; the mean images of the true classes score {mean:.2f} dB"
            yield Finding.of(row, f"{found} on other images of the same class{means}", other)


def aux_overlap(board: ScoredRows) -> Iterator[Finding]:
    """Find attackers whose own images contain private ones."""
    for row in board.rows:
        count = board.details(row).get("aux_overlap", 0)
        if count:
            yield Finding.of(
                row, f"had {count:.0f} of the {count_of(row.n_images, 'private image')} among the attacker's own"
            )


def _tells_no_images_apart(board: ScoredRows, row: Row, above: float) -> bool:
    wrong = board.details(row).get("psnr_db_wrong_image")
    return wrong is not None and psnr(row) - wrong < above / 2
