"""Choice of the prior's weight and of the number of steps, by searches for some of the attacker's own images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from ...benchmark.metrics import psnr
from .lbfgs import Minimization

STOPS = (1 / 12, 1 / 6, 1 / 3, 1 / 2, 2 / 3, 1.0)
"""Shares of the steps after which the images are compared with the true ones."""
NUM_PILOTS = 8
"""The attacker's images on which settings are chosen, over all folds; results are judged on as many others."""
BEHIND = 0.5
"""Decibels by which a weight must be behind to be given up: a large one behind a smaller one, any behind its own best.
With 0.1, weights that are ahead in the end were given up where wires are rounded, since their images get better and
worse by turns."""
FAR_BEHIND = 1.0
"""Decibels by which the best weight must be behind a rival after as many steps for the search to be given up."""


class SearchSetting(NamedTuple):
    """How to search.

    Attributes:
        weight: Of the prior.
        iterations: Evaluations of the loss and its gradient.
        decibels: Mean PSNR on the images on which this was chosen; infinite if it was given.
        reached: The highest mean PSNR up to each of the stops.
    """

    weight: float
    iterations: int
    decibels: float = float("inf")
    reached: tuple[float, ...] = ()


def choose_setting(
    searches: Sequence[Minimization],
    truth: Tensor,
    weights: Sequence[float],
    *,
    iterations: int,
    rival: Sequence[float] = (),
) -> SearchSetting:
    """Search for images with all weights at once, and return the weight and the stop with the highest mean PSNR.

    A search that stops early has a stronger prior: where wires are rounded or noisy, images first get better and then
    worse. Behind ``quantize:bits=2`` at MNIST relu2, the search of ``auto`` has 24.5 dB after 50 steps and 22.7 after
    300. Short searches favor large weights, so that those are given up as soon as a smaller one is ahead, and small
    ones only when their images get worse.

    Args:
        searches: For each image all weights, one after the other: (P * W) in all, in the order of the images.
        truth: The images, (P, C, H, W).
        weights: In ascending order, W.
        iterations: Evaluations of the loss and its gradient, at most.
        rival: What another search with as many steps reached up to each stop. The search is given up if it is far
            behind.
    """
    best, reached = SearchSetting(weights[0], iterations, float("-inf")), list[float]()
    highest = torch.full((len(weights),), float("-inf"), device=truth.device)
    alive = torch.ones_like(highest, dtype=torch.bool)
    goal = truth.repeat_interleave(len(weights), 0)
    for number, stop in enumerate(sorted({max(1, round(share * iterations)) for share in STOPS})):
        images = torch.cat([search.advance(stop) for search in searches])
        now = psnr(images, goal).view(-1, len(weights)).mean(0).where(alive, float("-inf"))
        ahead = int(now.argmax())
        if now[ahead] > best.decibels:
            best = SearchSetting(weights[ahead], stop, now[ahead].item())
        reached.append(best.decibels)
        if number < len(rival) and best.decibels < rival[number] - FAR_BEHIND:
            break
        highest = highest.maximum(now)
        alive &= now >= highest - BEHIND
        alive[ahead + 1 :] &= now[ahead + 1 :] >= now[ahead] - BEHIND
        wanted = alive.repeat(len(truth)).split([len(search.images) for search in searches])
        for search, some in zip(searches, wanted, strict=True):
            search.keep(some)
    return best._replace(reached=tuple(reached))
