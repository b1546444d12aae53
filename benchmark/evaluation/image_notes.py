"""Notes in words on the images under attack, for the records."""

from __future__ import annotations

import torch
from torch import Tensor

from ..interfaces import ImageSet
from ..metrics.near_copies import first_near, near_any
from ..utils.fingerprints import groups_of_equal
from ..utils.plurals import count_of, fitting

COMPARED_IMAGES = 1000
"""The largest number of images under attack that are compared with others."""


def notes_on(attacked: ImageSet, aux: Tensor) -> dict[str, str]:
    """Return what a reader of scores should know of the images under attack, by name. For most data it is empty.

    Args:
        attacked: The images under attack. Their sources, if there are any, are the same for equal images.
        aux: The attacker's own images, (M, C, H, W).
    """
    notes, count = {}, len(attacked)
    different = len(groups_of_equal(attacked.images).unique())
    if different < count:
        notes["repeated_images"] = (
            f"Only {different} of the {count} images under attack are different. Equal images count as one source of "
            "the intervals."
        )
    compared, center = attacked[:COMPARED_IMAGES], aux.mean(0)
    if found := _like_an_earlier_one(compared, center):
        notes["near_copies"] = (
            f"{_of(found, len(compared))} another one, as frames of one video do. The intervals count them as "
            "independent, and may be too narrow. Attack images of different scenes."
        )
    if found := int(near_any(compared.images, aux, center).sum()):
        notes["near_copies_of_aux"] = (
            f"{_of(found, len(compared))} an image of the attacker, so attacks may recall what they should "
            "reconstruct. Keep each scene or person in one pool."
        )
    return notes


def _like_an_earlier_one(attacked: ImageSet, center: Tensor) -> int:
    """Return how many images nearly equal an earlier one of another source."""
    first = first_near(attacked.images, center)
    sources = torch.arange(len(first), device=first.device) if attacked.sources is None else attacked.sources
    return int((sources[first] != sources).sum())


def _of(found: int, count: int) -> str:
    return f"{found} of {count_of(count, 'image')} under attack nearly {fitting(found, 'equals', 'equal')}"
