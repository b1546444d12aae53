"""What a reconstruction gives away beside PSNR and SSIM, and what the audits need to know of it."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from .cells import Setting
from .evaluator import agreement
from .interfaces import ImageSet
from .metrics import psnr
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
    originals = bench.originals(setting)
    images = images.to(originals.device).clamp(0, 1)
    gallery = pools.private.images[: max(GALLERY, len(originals))]
    columns = {"identified": identified(images, gallery), "leak_r2": leak_r2(images, originals, pools.aux.images)}
    details = {
        "identified_chance": 1 / len(gallery),
        "evaluator_agreement": agreement(bench.evaluator(setting.dataset), images, originals),
        "evaluator_accuracy": bench.evaluator_accuracy(setting.dataset, len(gallery)),
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


def overlap(aux: ImageSet, originals: Tensor) -> int:
    """How many of the originals (N, C, H, W), rounded to 8 bits, are among the attacker's images."""
    known = set(digests(to_bytes(aux.images)))
    return sum(content in known for content in digests(to_bytes(originals)))
