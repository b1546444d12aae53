"""What a reconstruction gives away beside PSNR and SSIM, and what the audits need to know of it."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from .cells import Setting
from .evaluator import agreement
from .interfaces import ImageSet
from .metrics import interval, psnr
from .pools import digests, to_bytes
from .workbench import Workbench

GALLERY = 1000
"""Images among which the private one is looked for, as far as there are so many."""


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
        "identified_chance": 1 / len(gallery),
        "evaluator_agreement": agreement(bench.evaluator(setting.dataset), images, originals),
        "evaluator_accuracy": bench.evaluator_accuracy(setting.dataset, len(gallery)),
        "psnr_db_class_mean": psnr(bench.class_means(setting.dataset)[attacked.labels], originals).mean().item(),
        **compare_classmates(images, attacked),
    }
    if len(originals) > 1:
        details["psnr_db_wrong_image"] = wrong_image_psnr(images, originals)
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

    Args:
        images: (N, C, H, W).
        gallery: (K, C, H, W), the originals first; chance is 1 / K.
    """
    known = gallery.flatten(1).double()  # (K, D)
    parts = images.flatten(1).split(GALLERY)
    nearest = torch.cat([torch.cdist(part.double(), known).argmin(1) for part in parts])  # (N,)
    return (nearest.cpu() == torch.arange(len(images))).double().mean().item()


def leak_r2(images: Tensor, originals: Tensor, aux: Tensor) -> float | None:
    """1 - MSE / MSE of the attacker's mean image: 1 is exact, 0 is no leak; None if that image is always right."""
    error = (images.double() - originals.double()).square().mean().item()
    reference = (aux.mean(0, dtype=torch.float64).clamp(0, 1) - originals.double()).square().mean().item()
    return 1 - error / reference if reference else None


def wrong_image_psnr(images: Tensor, originals: Tensor) -> float:
    """Mean PSNR against other originals, half a turn away, since neighbors in a pool may be of one class."""
    return psnr(images, originals.roll(len(originals) // 2, 0)).mean().item()


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
