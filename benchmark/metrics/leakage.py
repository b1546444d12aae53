"""How much reconstructions tell of the images: identification, explained variance and overlap."""

from __future__ import annotations

import torch
from torch import Tensor

from ..interfaces import ImageSet
from ..utils.fingerprints import content_digests, groups_of_equal
from .image_quality import psnr

GALLERY = 1000
"""Images among which the private one is looked for, as far as there are so many."""

SAME_DISTANCE = 1e-9
"""Difference of squared distances, relative to 1 and their size, that is rounding."""


def identified(images: Tensor, gallery: Tensor) -> float:
    """Share of reconstructions whose nearest image of the gallery, by squared pixel distance, is their original.

    An image that equals the original, to 8 bits, counts as it. Where several images are nearest, as to a constant
    reconstruction, one of them is taken at random, in expectation: the position in the gallery does not decide.

    Args:
        images: (N, C, H, W).
        gallery: (K, C, H, W), the originals first.
    """
    known, groups = gallery.flatten(1).double(), groups_of_equal(gallery)  # (K, D), (K,)
    found = []
    for part, own in zip(images.flatten(1).split(GALLERY), groups[: len(images)].split(GALLERY), strict=True):
        squares = torch.cdist(part.double(), known).square()  # (N, K)
        smallest = squares.min(1, keepdim=True).values
        nearest = squares <= smallest + SAME_DISTANCE * (1 + smallest)
        found.append((nearest & (groups == own[:, None])).sum(1) / nearest.sum(1))
    return torch.cat(found).double().mean().item()


def leak_r2(images: Tensor, originals: Tensor, aux: Tensor) -> float | None:
    """1 - MSE / MSE of the attacker's mean image: 1 is exact, 0 is no leak; None if that image is always right.

    Right is up to rounding: a mean squared error of 1e-10, which is the ceiling of 100 dB.
    """
    error = (images.double() - originals.double()).square().mean().item()
    reference = (aux.mean(0, dtype=torch.float64).clamp(0, 1) - originals.double()).square().mean().item()
    return 1 - error / reference if reference > 1e-10 else None


def wrong_image_psnr(images: Tensor, originals: Tensor) -> float | None:
    """Mean PSNR against other originals, half a turn away, since neighbors in a pool may be of one class.

    Others that equal the original to 8 bits are left out; None if there is no other.
    """
    groups, turn = groups_of_equal(originals), len(originals) // 2
    other = groups != groups.roll(turn)
    return psnr(images[other], originals.roll(turn, 0)[other]).mean().item() if other.any() else None


def overlap(aux: ImageSet, originals: Tensor) -> int:
    """How many of the originals (N, C, H, W), rounded to 8 bits, are among the attacker's images."""
    known = set(content_digests(aux.images))
    return sum(content in known for content in content_digests(originals))
