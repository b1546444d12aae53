"""Protect a network by a defense, and measure what that costs."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor

from ..interfaces import Defense, ImageSet, Pools, SplitModel, Wire
from ..metrics import accuracy
from ..metrics.costs import Costs, measure_costs
from ..plan.cells import Setting
from ..plan.references import REFERENCE_DEFENSE
from ..utils.isolation import isolated
from ..utils.seeding import stream_seed
from .observe import chunks, overhear


@dataclass(frozen=True)
class Protected:
    """A protected model, its wire, and what was measured of it.

    Attributes:
        model: The protected model.
        wire: What the adversary saw of the private images under attack.
        accuracy: Its share of right answers on the private pool, or on a sample if the model asks for one.
        accuracy_undefended: That of the undefended target, on the same images.
        accuracy_images: How many these are.
        costs: Its prices.
        details: What else was measured of it, by name.

    Example:
        >>> artifacts.protected(setting).costs.wire_bytes  # doctest: +SKIP
        576.0
    """

    model: SplitModel
    wire: Wire
    accuracy: float
    accuracy_undefended: float
    accuracy_images: int
    costs: Costs
    details: dict[str, float]


def protect(
    setting: Setting,
    *,
    undefended: SplitModel,
    pools: Pools,
    originals: Tensor,
    accuracy_undefended: Callable[[int | None], float],
) -> Protected:
    """Apply the defense of a setting, and measure the protected model.

    Args:
        setting: Names the defense, and the random streams.
        undefended: The split target, which stays as it is.
        pools: The data.
        originals: The private images under attack, (N, C, H, W).
        accuracy_undefended: Measures the undefended target on a sample of so many private images; None means all.

    Raises:
        Inapplicable: If the defense has no meaning for this model or split.
        TypeError: If it does not return a split model.
    """
    start = time.perf_counter()
    model = defended(setting, undefended, pools.train)
    test = sample_images(pools.private, model.accuracy_images)
    reference = accuracy_undefended(len(test) if len(test) < len(pools.private) else None)
    if setting.defense.name == REFERENCE_DEFENSE:
        measured, details = reference, {}
    else:
        measured, details = _measure(model, test, setting.identity)
    with isolated("wire", setting.identity):
        wire = overhear(model, originals)
    with isolated("costs", setting.identity):
        costs = measure_costs(model, pools.private.images[:1].clone(), undefended)
    details = {
        "classes": len(pools.classes),
        "chance": test.labels.bincount().max().item() / len(test),
        "bytes_down": costs.bytes_down,
        **costs.timing,
        "protect_seconds": round(time.perf_counter() - start, 3),
        **details,
    }
    return Protected(model, wire, measured, reference, len(test), costs, details)


def defended(setting: Setting, undefended: SplitModel, train: ImageSet) -> SplitModel:
    """Apply the defense of a setting, and return the protected model, frozen and in evaluation mode.

    Args:
        setting: names the defense, and the random stream.
        undefended: the split target, which stays as it is.
        train: the victim's training images.

    Raises:
        Inapplicable: if the defense has no meaning for this model or split.
        TypeError: if it does not return a split model.
    """
    with isolated("protect", setting.identity):
        model = cast(Defense, setting.defense.component).protect(undefended.copy(), train.copy())
    if not isinstance(model, SplitModel):
        raise TypeError(f"Expected protect to return a SplitModel, got {type(model).__name__}.")
    model.modules().eval().requires_grad_(False)
    return model


def _measure(model: SplitModel, test: ImageSet, identity: object) -> tuple[float, dict[str, float]]:
    """Measure the accuracy of a protected model on labelled images, and its own details."""
    with isolated("accuracy", identity):
        answers = logits_of(model.classify, test.images)
        measured = accuracy(answers, test.labels)
        own = {}
        if type(model).details is not SplitModel.details:
            own = model.details(test.images.clone(), test.labels.clone(), answers)
        return measured, {name: float(value) for name, value in own.items()}


def sample_images(pool: ImageSet, count: int | None) -> ImageSet:
    """Select ``count`` random images, the same ones in every run, or all if ``count`` is None or there are fewer.

    Neither the first images nor those at equal distances would do: some pools are sorted by class, and others have
    their classes in turn.
    """
    if count is None or count >= len(pool):
        return pool
    generator = torch.Generator().manual_seed(stream_seed("accuracy sample", len(pool)))
    return pool[torch.randperm(len(pool), generator=generator)[:count].to(pool.labels.device)]


@torch.no_grad()
def logits_of(classify: Callable[[Tensor], Tensor], images: Tensor) -> Tensor:
    """Compute logits (N, classes) of images (N, C, H, W), which are copied, since a network may work in place."""
    return torch.cat([classify(part.clone()) for part in chunks(images)])
