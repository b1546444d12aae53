"""Notes in words on the images under attack, for the records."""

from __future__ import annotations

from ..interfaces import ImageSet
from ..utils.fingerprints import groups_of_equal


def notes_on(attacked: ImageSet) -> dict[str, str]:
    """Return what a reader of scores should know of the images under attack, by name. For most data it is empty."""
    different, count = len(groups_of_equal(attacked.images).unique()), len(attacked)
    if different == count:
        return {}
    return {
        "repeated_images": f"Only {different} of the {count} images under attack are different. Equal images count as "
        "one source of the intervals."
    }
