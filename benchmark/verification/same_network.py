"""Whether a record and a new run of its cell are of one network."""

from __future__ import annotations

from ..leaderboard.model_facts import UTILITY_ROUNDING
from ..leaderboard.records import Record, Row, same_score
from ..metrics.scales import ROUNDING
from ..plan.references import REFERENCE_ATTACK

ALIKE = 0.25
"""Share of images with equal scores that only the same network gives."""
ALL_ALIKE = {"psnr_db": 60.0, "ssim": 0.99}
"""Scores from which reconstructions are so exact that those of different networks have the same."""
TELLING = (0.3, 0.9999)
"""Range of ``leak_r2`` in which the scores of images depend on the network."""
MANY_IMAGES = 500
"""Number of test images from which another network hardly has the same accuracy and agreement."""


def surely_same_network(stated: Record, again: Record, *, scatters: bool) -> bool:
    """Return whether the network is surely the same one.

    It is if its accuracy is, and the scores tell networks apart and do not scatter or are equal for many images, or
    many answers of the protected network are the same as well.
    """
    here, there = stated.row, again.row
    one, other = here.accuracy_undefended, there.accuracy_undefended
    if one is not None and other is not None and abs(one - other) > UTILITY_ROUNDING:
        return False
    if tells_networks_apart(there) and (not scatters or any(_alike(name, stated, again) for name in ROUNDING)):
        return True
    many = one is not None and (there.accuracy_images or 0) >= MANY_IMAGES
    return many and one == other and here.agreement == there.agreement and not (scatters and there.agreement == 1.0)


def tells_networks_apart(row: Row) -> bool:
    """Return whether the scores of a cell are other ones with another network.

    They are not if the attack reads nothing of the wire, or reconstructs it exactly with any network.
    """
    low, high = TELLING
    return row.attack != REFERENCE_ATTACK and row.leak_r2 is not None and low < row.leak_r2 < high


def scatters_beyond_rounding(stated: Record, again: Record) -> bool:
    """Return whether the changes of a score differ between images by more than rounding."""
    return any(
        max(changes) - min(changes) > 2 * rounding
        for name, rounding in ROUNDING.items()
        if (changes := score_changes(name, stated, again))
    )


def score_changes(name: str, stated: Record, again: Record) -> list[float]:
    """Return the difference of a score of each image."""
    pairs = zip(getattr(stated.per_image, name), getattr(again.per_image, name), strict=True)
    return [one - other for one, other in pairs]


def _alike(name: str, stated: Record, again: Record) -> bool:
    """Return whether many images that are not reconstructed exactly have equal scores."""
    pairs = zip(getattr(stated.per_image, name), getattr(again.per_image, name), strict=True)
    equal = sum(same_score(one, other) and other < ALL_ALIKE[name] for one, other in pairs)
    return equal >= ALIKE * again.row.n_images
