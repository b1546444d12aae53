"""How long a plan will take and how much memory it needs, from cells that were timed before."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log
from statistics import median
from typing import NamedTuple

from ..evaluation.artifacts import Artifacts
from ..interfaces import Access, Dataset, Model
from ..plan.cells import Cell, Setting
from ..training import FAST, STANDARD, head_training_seconds, training_seconds
from ..utils.isolation import isolated
from .clients import ClientSize, client_of, run_once
from .memory import process_bytes, training_bytes
from .timings import CellNames, CellTiming, nearest


@dataclass(frozen=True)
class RunEstimate:
    """What a plan will need.

    Attributes:
        seconds: Wall time of those cells that can be estimated.
        by_cell: Seconds of each cell, the first cell of a setting with those to protect the model; None for a cell
            whose attack was never timed.
        training: Seconds to train each target that is not cached, by the first cell that needs it.
        memory_bytes: Memory of all processes together, at most; without the cells of plug-ins.

    Example:
        >>> RunEstimate(seconds=95.0, by_cell={}, training={}).unknown
        0
    """

    seconds: float
    by_cell: Mapping[Cell, float | None]
    training: Mapping[Cell, float]
    memory_bytes: int = 0

    @property
    def training_seconds(self) -> float:
        """The time to train all targets that are not cached."""
        return sum(self.training.values())

    @property
    def unknown(self) -> int:
        """The number of cells whose attack was never timed."""
        return sum(seconds is None for seconds in self.by_cell.values())


def estimate(
    groups: Sequence[Sequence[Cell]], artifacts: Artifacts, known: Sequence[CellTiming], jobs: int
) -> RunEstimate:
    """Estimate the time and the memory that cells need.

    Args:
        groups: The cells that are not finished, those of one setting in one group.
        artifacts: Tells which targets are trained, and how large the data are.
        known: Cells that were timed before.
        jobs: Number of processes.
    """
    training = _training_by_first_cell(groups, artifacts)
    by_cell: dict[Cell, float | None] = {}
    longest, total, largest = 0.0, 0.0, max((each.memory for each in training.values()), default=0)
    clients: dict[object, ClientSize | None] = {}
    for group in groups:
        setting = group[0].setting
        place = setting.dataset, setting.model, setting.split
        if place not in clients:
            clients[place] = client_of(setting, artifacts)
        client = clients[place]
        if client is not None:
            largest = max(largest, process_bytes(group, client, artifacts.facts(setting.dataset)))
        attacking = {cell: _attack_seconds(cell, known, client and client.macs) for cell in group}
        protecting = _protect_seconds(group[0], known)
        total += protecting + sum(seconds or 0.0 for seconds in attacking.values())
        longest = max(longest, protecting + max(seconds or 0.0 for seconds in attacking.values()))
        if attacking[group[0]] is not None:
            attacking[group[0]] = protecting + (attacking[group[0]] or 0.0)
        by_cell |= attacking
    processes = max(1, min(jobs, len(by_cell)))
    memory = min(jobs, len(by_cell)) * largest
    training_seconds = {cell: each.seconds for cell, each in training.items()}
    seconds = sum(training_seconds.values()) + max(longest, total / processes)
    return RunEstimate(seconds, by_cell, training_seconds, memory)


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


def _attack_seconds(cell: Cell, known: Sequence[CellTiming], macs: float | None) -> float | None:
    """Return the median seconds of the nearest cells, first of all by the MACs of the client.

    The time of a white-box attack grows with the images and with the MACs.
    """
    names, access = CellNames.of(cell), getattr(cell.attack.component, "access", None)

    def agreement(other: CellTiming) -> tuple[float, ...]:
        return (
            -abs(log(_times_the_macs(macs, other))),
            other.names.dataset == names.dataset,
            other.names.model == names.model,
            other.names.split == names.split,
            other.names.defense == names.defense,
        )

    def seconds(other: CellTiming) -> float:
        if access is not Access.WHITE_BOX:
            return other.attack_seconds or 0.0
        return (other.attack_seconds or 0.0) * _times_the_macs(macs, other) * cell.setting.images / other.images

    timed = [each for each in known if each.names.attack == names.attack and each.attack_seconds is not None]
    found = nearest(timed, agreement)
    return median(map(seconds, found)) if found else None


def _times_the_macs(macs: float | None, other: CellTiming) -> float:
    """Return how many times the MACs of another cell's client a client has; 1 if either is unknown."""
    return macs / other.client_macs if macs and other.client_macs else 1.0


def _protect_seconds(cell: Cell, known: Sequence[CellTiming]) -> float:
    names = CellNames.of(cell)

    def agreement(other: CellTiming) -> tuple[float, ...]:
        there = other.names
        return there.dataset == names.dataset, there.model == names.model, there.split == names.split

    timed = [each for each in known if each.names.defense == names.defense and each.protect_seconds is not None]
    return median([each.protect_seconds or 0.0 for each in nearest(timed, agreement)] or [0.0])


class _Training(NamedTuple):
    """The seconds that a target is trained, and the bytes of the process that does it."""

    seconds: float
    memory: int


def _training_by_first_cell(groups: Sequence[Sequence[Cell]], artifacts: Artifacts) -> dict[Cell, _Training]:
    """Return what it takes to train each target; nothing for those of plug-ins, which run in worker processes only."""
    found: dict[Cell, _Training] = {}
    seen = set[object]()
    for group in groups:
        setting = group[0].setting
        target = setting.dataset, setting.model, setting.seed
        if target not in seen and not setting.in_worker and not artifacts.targets.is_ready(setting):
            found[group[0]] = _training(artifacts, setting)
        seen.add(target)
    return found


def _training(artifacts: Artifacts, setting: Setting) -> _Training:
    """Measure what it takes to train a target: an untrained copy of it takes a few steps."""
    dataset, model = setting.dataset.component, setting.model.component
    assert isinstance(dataset, Dataset)
    assert isinstance(model, Model)
    facts, training = artifacts.facts(setting.dataset), dataset.training
    target = copy.deepcopy(artifacts.targets.structure(setting.dataset, setting.model))
    network = run_once(target, facts.image_shape)
    target, shape, macs = target.to(artifacts.device), facts.image_shape, network.macs
    with isolated("time", setting.model.identity):
        if model.retrains_head:
            seconds = head_training_seconds(target, image_shape=shape, count=facts.train, macs=macs)
        else:
            seconds = training_seconds(target, training, image_shape=shape, count=facts.train, macs=macs)
    recipe = FAST if training.fast else STANDARD
    return _Training(seconds, training_bytes(network, facts, batch=recipe.batch_size))
