"""How much reconstructions reveal of the images: identification, explained variance and overlap."""

from __future__ import annotations

import torch
from torch import Tensor

from ..interfaces import ImageSet
from ..utils.fingerprints import content_digests, groups_of_equal
from .image_quality import psnr

GALLERY_IMAGES = 1000
"""Most images among which the private image is identified."""

DISTANCE_TOLERANCE = 1e-9
"""Squared distances that differ by less, relative to 1 plus their size, count as equal."""


def identified(images: Tensor, gallery: Tensor) -> float | None:
    """Return the share of reconstructions whose nearest image of the gallery is their original.

    Nearness is the squared distance of pixels. An image that equals the original to 8 bits counts as the original. If
    several images are equally near, for example to a constant reconstruction, the share is that of a random choice
    among them, in expectation. The position in the gallery has no influence.

    Args:
        images: Reconstructions (N, C, H, W).
        gallery: Candidates (K, C, H, W), the N originals first.

    Returns:
        A share in [0, 1]. None if all candidates are equal, since there is nothing to tell apart.

    Example:
        >>> gallery = torch.tensor([0.0, 0.5, 1.0]).view(3, 1, 1, 1)
        >>> identified(torch.tensor([0.1, 0.9]).view(2, 1, 1, 1), gallery)
        0.5
    """
    known, groups = gallery.flatten(1).double(), groups_of_equal(gallery)  # (K, D), (K,)
    if (groups == groups[0]).all():
        return None
    found = []
    parts = zip(images.flatten(1).split(GALLERY_IMAGES), groups[: len(images)].split(GALLERY_IMAGES), strict=True)
    for part, own in parts:
        squares = torch.cdist(part.double(), known).square()  # (N, K)
        smallest = squares.min(1, keepdim=True).values
        nearest = squares <= smallest + DISTANCE_TOLERANCE * (1 + smallest)
        found.append((nearest & (groups == own[:, None])).sum(1) / nearest.sum(1))
    return torch.cat(found).double().mean().item()


def leak_r2(images: Tensor, originals: Tensor, aux: Tensor) -> float | None:
    """Return 1 - MSE / (MSE of the attacker's mean image): 1 means exact, 0 means no leakage.

    Args:
        images: Reconstructions (N, C, H, W).
        originals: Originals (N, C, H, W).
        aux: Images of the attacker (M, C, H, W), whose mean is the reference.

    Returns:
        The share, at most 1; negative if the mean image is nearer. None if the mean image equals the originals up to a
        mean squared error of 1e-10, the ceiling of 100 dB.
    """
    error = (images.double() - originals.double()).square().mean().item()
    reference = (aux.mean(0, dtype=torch.float64).clamp(0, 1) - originals.double()).square().mean().item()
    return 1 - error / reference if reference > 1e-10 else None


def wrong_image_psnr(images: Tensor, originals: Tensor) -> float | None:
    """Return the mean PSNR, in dB, of reconstructions (N, C, H, W) compared with wrong originals.

    Each reconstruction is compared with the original that is half the pool further, since neighbors in a pool may be
    of one class. Originals that equal the right one to 8 bits are left out. The result is None if no other is left.
    """
    groups, turn = groups_of_equal(originals), len(originals) // 2
    other = groups != groups.roll(turn)
    return psnr(images[other], originals.roll(turn, 0)[other]).mean().item() if other.any() else None


def overlap(aux: ImageSet, originals: Tensor) -> int:
    """Return how many of the originals (N, C, H, W), rounded to 8 bits, are among the attacker's images ``aux``."""
    known = set(content_digests(aux.images))
    return sum(content in known for content in content_digests(originals))
