"""How long a plan will take and how much memory it needs, from cells that were timed before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

import torch

from ..evaluation.artifacts import Artifacts
from ..interfaces import Access, Dataset
from ..metrics.macs import count_macs
from ..plan.cells import Cell, Setting
from .memory import process_bytes
from .timings import CellNames, Timing, nearest

STEP_SECONDS, MACS_PER_SECOND = 1.6e-4, 9e10
"""Training, for each image in each epoch: a fixed part, and a rate for the multiplications (measured with lenet5 on
MNIST and cnn6 on CIFAR-10, one core with AVX-512 and AMX)."""


@dataclass(frozen=True)
class Estimate:
    """What a plan will need.

    Attributes:
        seconds: wall time of those cells that can be estimated.
        by_cell: seconds of each cell, the first cell of a setting with those to protect the model; None for a cell
            whose attack was never timed.
        training_seconds: time to train the targets that are not cached.

    Example:
        >>> Estimate(seconds=95.0, by_cell={}, training_seconds=20.0).unknown
        0
    """

    seconds: float
    by_cell: Mapping[Cell, float | None]
    training_seconds: float

    @property
    def unknown(self) -> int:
        """The number of cells whose attack was never timed."""
        return sum(seconds is None for seconds in self.by_cell.values())


def estimate(groups: Sequence[Sequence[Cell]], artifacts: Artifacts, known: Sequence[Timing], jobs: int) -> Estimate:
    """Estimate the time that cells need.

    Args:
        groups: the cells that are not finished, those of one setting in one group.
        artifacts: tells which targets are trained, and how large the data are.
        known: cells that were timed before.
        jobs: number of processes.
    """
    training = sum(_training_by_target(groups, artifacts).values())
    by_cell: dict[Cell, float | None] = {}
    longest, total = 0.0, 0.0
    for group in groups:
        attacking = {cell: _attack_seconds(cell, known) for cell in group}
        protecting = _protect_seconds(group[0], known)
        if attacking[group[0]] is not None:
            attacking[group[0]] = protecting + (attacking[group[0]] or 0.0)
        by_cell |= attacking
        total += protecting + sum(_attack_seconds(cell, known) or 0.0 for cell in group)
        longest = max(longest, protecting + max(_attack_seconds(cell, known) or 0.0 for cell in group))
    processes = max(1, min(jobs, len(by_cell)))
    return Estimate(training + max(longest, total / processes), by_cell, training)


def memory(groups: Sequence[Sequence[Cell]], artifacts: Artifacts, jobs: int) -> int:
    """Return the bytes that all processes together need at most."""
    largest = max((process_bytes(artifacts, group[0].setting) for group in groups if not _foreign(group)), default=0)
    return min(jobs, sum(map(len, groups))) * largest


def duration(seconds: float) -> str:
    """Return seconds in words, as exact as an estimate is.

    Example:
        >>> duration(0.2), duration(95), duration(12345)
        ('1 s', '2 min', '3 h 26 min')
    """
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


def _attack_seconds(cell: Cell, known: Sequence[Timing]) -> float | None:
    names, access = CellNames.of(cell), getattr(cell.attack.component, "access", None)

    def agreement(other: CellNames) -> tuple[bool, ...]:
        return (
            other.dataset == names.dataset,
            other.model == names.model,
            other.split == names.split,
            other.defense == names.defense,
        )

    timed = [each for each in known if each.names.attack == names.attack and each.attack_seconds is not None]
    found = nearest(timed, agreement)
    if not found:
        return None
    per_image = access is Access.WHITE_BOX
    return median(
        (each.attack_seconds or 0.0) * (cell.setting.images / each.images if per_image else 1) for each in found
    )


def _protect_seconds(cell: Cell, known: Sequence[Timing]) -> float:
    names = CellNames.of(cell)

    def agreement(other: CellNames) -> tuple[bool, ...]:
        return other.dataset == names.dataset, other.model == names.model, other.split == names.split

    timed = [each for each in known if each.names.defense == names.defense and each.protect_seconds is not None]
    return median([each.protect_seconds or 0.0 for each in nearest(timed, agreement)] or [0.0])


def _training_by_target(groups: Sequence[Sequence[Cell]], artifacts: Artifacts) -> dict[object, float]:
    """Return the seconds to train each target; none for those of plug-ins, which run in worker processes only."""
    found: dict[object, float] = {}
    for group in groups:
        setting = group[0].setting
        target = setting.dataset, setting.model, setting.seed
        if target not in found and not _foreign(group):
            found[target] = 0.0 if artifacts.targets.is_ready(setting) else _training_seconds(artifacts, setting)
    return found


def _foreign(group: Sequence[Cell]) -> bool:
    setting = group[0].setting
    return setting.in_worker


def _training_seconds(artifacts: Artifacts, setting: Setting) -> float:
    dataset = setting.dataset.component
    assert isinstance(dataset, Dataset)
    facts = artifacts.facts(setting.dataset)
    target = artifacts.targets.structure(setting.dataset, setting.model)
    macs = count_macs(target, torch.zeros(1, *facts.image_shape))
    return dataset.training.epochs * facts.train * (STEP_SECONDS + 3 * macs / MACS_PER_SECOND)
