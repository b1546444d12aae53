"""What a reconstruction gives away beside PSNR and SSIM, and what the audits need to know of it."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ..interfaces import ImageSet
from ..metrics import interval, psnr
from ..metrics.evaluation_classifier import agreement
from ..plan.cells import Setting
from ..utils.fingerprints import digests, groups_of_equal, to_bytes
from .artifacts import Workbench

GALLERY = 1000
"""Images among which the private one is looked for, as far as there are so many."""
SAME_DISTANCE = 1e-9
"""Difference of squared distances, relative to 1 and their size, that is rounding."""


def score(bench: Workbench, setting: Setting, images: Tensor) -> tuple[dict[str, Any], dict[str, float]]:
    """Score reconstructions (N, C, H, W) of the private images under attack.

    Returns:
        The columns ``identified`` and ``leak_r2``, and details by name.
    """
    pools = bench.pools(setting.dataset)
    attacked, gallery = bench.attacked(setting), bench.gallery(setting, GALLERY)
    originals = attacked.images
    images = images.to(originals.device).clamp(0, 1)
    columns = {"identified": identified(images, gallery), "leak_r2": leak_r2(images, originals, pools.aux.images)}
    details = {
        "identified_chance": identified_chance(len(originals), gallery),
        "evaluator_agreement": agreement(bench.evaluator(setting.dataset), images, originals),
        "evaluator_accuracy": bench.evaluator_accuracy(setting.dataset, len(gallery)),
        "psnr_db_class_mean": psnr(bench.class_means(setting.dataset)[attacked.labels], originals).mean().item(),
        **compare_classmates(images, attacked),
    }
    wrong = wrong_image_psnr(images, originals)
    if wrong is not None:
        details["psnr_db_wrong_image"] = wrong
    return (
        {name: None if value is None else round(value, 5) for name, value in columns.items()},
        {name: round(value, 5) for name, value in details.items()},
    )


def bound(bench: Workbench, setting: Setting, observations: int) -> tuple[dict[str, Any], dict[str, float]]:
    """The column ``bound_psnr_db`` and its details, by name; nothing where there is no bound."""
    found = bench.bound(setting, observations)
    return ({"bound_psnr_db": round(found.psnr_db, 5)}, found.details) if found else ({}, {})


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


def identified_chance(count: int, gallery: Tensor) -> float:
    """The share that is identified by guessing: 1 / K for each of ``count`` originals and each image equal to it."""
    groups = groups_of_equal(gallery)
    return (torch.bincount(groups)[groups[:count]] / len(gallery)).mean().item()


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


def compare_classmates(images: Tensor, attacked: ImageSet) -> dict[str, float]:
    """Compare reconstructions with the original of another image of the same class.

    A reconstruction that shows the class alone is as close to the one as to the other.

    Args:
        images: reconstructions (N, C, H, W).
        attacked: their originals.

    Returns:
        Over the images that share their class with another: the mean PSNR against the other, by how much that against
        their own is higher, and the upper end of the 95 % interval of this difference, if it has one. Nothing if fewer
        than two do.
    """
    mates = classmates(attacked.labels)
    (shared,) = (mates.cpu() != torch.arange(len(mates))).to(mates.device).nonzero(as_tuple=True)
    if len(shared) < 2:
        return {}
    other = psnr(images[shared], attacked.images[mates[shared]])
    above = psnr(images[shared], attacked.images[shared]) - other
    _, high = interval(above, sources=None if attacked.sources is None else attacked.sources[shared])
    found = {"psnr_db_same_class": other.mean().item(), "psnr_db_above_same_class": above.mean().item()}
    return found if high is None else {**found, "psnr_db_above_same_class_high": high}


def classmates(labels: Tensor) -> Tensor:
    """For each image the index of the next one of its class, in a circle, (N,); its own if there is no other."""
    mates = torch.arange(len(labels), device=labels.device)
    for label in labels.unique():
        (members,) = (labels == label).nonzero(as_tuple=True)
        mates[members] = members.roll(-1)
    return mates


def overlap(aux: ImageSet, originals: Tensor) -> int:
    """How many of the originals (N, C, H, W), rounded to 8 bits, are among the attacker's images."""
    known = set(digests(to_bytes(aux.images)))
    return sum(content in known for content in digests(to_bytes(originals)))
