"""Scores of reconstructions, and the details that audits need."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from ..interfaces import ImageSet, Reconstruction
from ..leaderboard.records import PerImage
from ..metrics import interval, psnr, ssim
from ..metrics.evaluation_classifier import agreement
from ..metrics.identification_bound import identification_bound
from ..metrics.image_quality import PSNR_CEILING_DB
from ..metrics.leakage import GALLERY_IMAGES, identified, leak_r2, wrong_image_psnr
from ..metrics.scales import RANGES, RECOGNISABLE_SSIM, SCORE_DECIMALS
from ..plan.cells import Setting
from ..utils.fingerprints import groups_of_equal
from .artifacts import Artifacts


def score(artifacts: Artifacts, setting: Setting, images: Tensor) -> tuple[dict[str, Any], dict[str, float]]:
    """Score reconstructions (N, C, H, W) of the private images under attack.

    Returns:
        The columns ``identified`` and ``leak_r2``, and details by name.
    """
    pools = artifacts.pools(setting.dataset)
    attacked, gallery = artifacts.attacked(setting), artifacts.gallery(setting, GALLERY_IMAGES)
    originals = attacked.images
    images = images.to(originals.device).clamp(0, 1)
    among_attacked = identified(images, originals)
    columns = {"identified": identified(images, gallery), "leak_r2": leak_r2(images, originals, pools.aux.images)}
    details = {
        "identified_chance": identified_chance(len(originals), gallery),
        **({} if among_attacked is None else {"identified_among_attacked": among_attacked}),
        **(_of_classes(artifacts, setting, images, len(gallery)) if attacked.task == "classification" else {}),
    }
    wrong = wrong_image_psnr(images, originals)
    if wrong is not None:
        details["psnr_db_wrong_image"] = wrong
    return (
        {name: None if value is None else round(value, 5) + 0.0 for name, value in columns.items()},  # not -0.0
        {name: round(value, 5) for name, value in details.items()},
    )


def _of_classes(artifacts: Artifacts, setting: Setting, images: Tensor, known: int) -> dict[str, float]:
    """Compare reconstructions with the classes of their originals; ``known`` images tell how good the evaluator is."""
    attacked, means = artifacts.attacked(setting), artifacts.class_means(setting.dataset)
    return {
        "evaluator_agreement": agreement(artifacts.evaluators.get(setting.dataset), images, attacked.images),
        "evaluator_accuracy": artifacts.evaluators.accuracy(setting.dataset, known),
        "psnr_db_class_mean": psnr(means[attacked.labels], attacked.images).mean().item(),
        **compare_classmates(images, attacked),
    }


def bound(artifacts: Artifacts, setting: Setting, observations: int) -> tuple[dict[str, Any], dict[str, float]]:
    """Return the columns of the bounds and their details, by name. They are empty without a bound.

    ``bound_identified`` is the smaller of two bounds: by the clipping norm, and by the gallery of attacked images. A
    bound of 1, and a bound on the PSNR at the ceiling, say nothing, so their columns are left empty. Nor is there a
    bound if the device sends more than the wire.
    """
    if not artifacts.protected(setting).seen_whole:
        return {}, {}
    found = artifacts.bound(setting, observations)
    details = dict(found.details) if found else {}
    promise = artifacts.protected(setting).model.promise
    by_clip = identification_bound(promise, artifacts.originals(setting), observations=observations)
    if by_clip is not None:
        details["bound_identified_clip"] = round(by_clip, 5)
    if promise.pair_error is not None:
        details["pair_error"] = round(promise.pair_error, 5)
    limits = [each for each in (by_clip, found.identified if found else None) if each is not None]
    columns = {"bound_identified": limit} if limits and (limit := round(min(limits), 5)) < 1 else {}
    if found and found.psnr_db < PSNR_CEILING_DB:
        columns["bound_psnr_db"] = round(found.psnr_db, 5)
    return columns, details


def calibrate(
    artifacts: Artifacts, setting: Setting, observations: int, images: Tensor
) -> tuple[dict[str, float], dict[str, float]]:
    """Compare the mean squared error of reconstructions (N, C, H, W) with the smallest of any attack, if it is known.

    Returns:
        The column ``attack_gap_db``, by how much the PSNR of the attack's error is below that of the smallest, and the
        latter as a detail. Both are empty if it is not known.
    """
    least = artifacts.least_mse(setting, observations) if artifacts.protected(setting).seen_whole else None
    if least is None:
        return {}, {}
    originals = artifacts.originals(setting)
    error = (images.to(originals.device) - originals).double().square().mean().item()
    gap = 10 * math.log10(max(error, 1e-12) / least)
    return {"attack_gap_db": round(gap, 5)}, {"bound_van_trees_psnr_db": round(-10 * math.log10(least), 5)}


def identified_chance(count: int, gallery: Tensor) -> float:
    """Compute the share of ``count`` originals that guessing identifies: 1 / K for each image equal to an original."""
    groups = groups_of_equal(gallery)
    return (torch.bincount(groups)[groups[:count]] / len(gallery)).mean().item()


def compare_classmates(images: Tensor, attacked: ImageSet) -> dict[str, float]:
    """Compare reconstructions with the original of another image of the same class.

    A reconstruction that shows only the class is as close to the other image as to its own original.

    Args:
        images: Reconstructions (N, C, H, W).
        attacked: Their originals.

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
    """Return the index of the next image of the same class, cyclically, (N,). A single image gets its own index."""
    mates = torch.arange(len(labels), device=labels.device)
    for label in labels.unique():
        (members,) = (labels == label).nonzero(as_tuple=True)
        mates[members] = members.roll(-1)
    return mates


def compare(images: Tensor, attacked: ImageSet) -> PerImage:
    """Compute PSNR and SSIM of reconstructions (N, C, H, W) of the images under attack, image by image."""
    images = images.to(attacked.images.device)
    decibels, similarities = psnr(images, attacked.images).tolist(), ssim(images, attacked.images).tolist()
    sources = [] if attacked.sources is None else attacked.sources.tolist()
    return PerImage(psnr_db=decibels, ssim=similarities, sources=sources)


def compare_selected(rebuilt: Reconstruction, attacked: ImageSet) -> PerImage:
    """Compute PSNR and SSIM image by image, each of the images that the attack selected for it."""
    found = compare(rebuilt.images, attacked)
    if not rebuilt.selected_by_ssim:
        return found
    return found.model_copy(update={"ssim": compare(rebuilt.similar, attacked).ssim})


def compare_members(rebuilt: Reconstruction, attacked: ImageSet) -> dict[str, float]:
    """Compute means of each member's scores, and of the best that any member has for each image (``oracle``)."""
    if not rebuilt.members:
        return {}
    scores = {name: compare(images, attacked) for name, images in rebuilt.members.items()}
    decibels = torch.tensor([each.psnr_db for each in scores.values()])  # (members, N)
    similarities = torch.tensor([each.ssim for each in scores.values()])
    found = {"oracle_psnr_db": decibels.amax(0).mean(), "oracle_ssim": similarities.amax(0).mean()}
    for index, name in enumerate(scores):
        found |= {f"{name}_psnr_db": decibels[index].mean(), f"{name}_ssim": similarities[index].mean()}
    return {name: round(score.item(), 5) for name, score in found.items()}


def compare_samples(samples: Tensor | None, originals: Tensor) -> dict[str, float]:
    """Measure how much images differ that explain the same wires.

    Args:
        samples: S images for each of N wires, (S, N, C, H, W), or None.
        originals: (N, C, H, W).

    Returns:
        ``posterior_spread``, the standard deviation of a pixel over the samples of a wire, and ``posterior_error``, the
        error of their mean, both as root mean squares; the error is divided by that of a mean of S samples, so the two
        agree if the samples vary as much as the attacker is uncertain. Nothing for fewer than two samples.
    """
    if samples is None or len(samples) < 2:
        return {}
    drawn = samples.to(originals.device)
    spread = drawn.var(0).mean().sqrt().item()
    error = (drawn.mean(0) - originals).square().mean().div(1 + 1 / len(drawn)).sqrt().item()
    return {"posterior_spread": round(spread, 5), "posterior_error": round(error, 5)}


def finite_details(details: dict[str, float]) -> tuple[dict[str, float], dict[str, str]]:
    """Divide details into those that a record can hold, and a note that names the others."""
    held = {name: value for name, value in details.items() if math.isfinite(value)}
    lost = ", ".join(f"{name}={value}" for name, value in details.items() if name not in held)
    return held, {"left_out": lost} if lost else {}


def score_columns(values: PerImage) -> dict[str, Any]:
    """Compute the means and intervals that a row holds."""
    scores: dict[str, float | None] = {}
    for name, within in RANGES.items():
        sample = torch.tensor(getattr(values, name), dtype=torch.float64)
        low, high = interval(sample, sources=values.sources or None, within=within)
        scores |= {name: sample.mean().item(), f"{name}_low": low, f"{name}_high": high}
    scores["recognisable"] = (torch.tensor(values.ssim) >= RECOGNISABLE_SSIM).float().mean().item()
    return {name: None if score is None else round(score, SCORE_DECIMALS) for name, score in scores.items()}
