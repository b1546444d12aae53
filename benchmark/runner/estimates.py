"""How long a plan will take and how much memory, from cells that were timed before."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from statistics import median

import torch

from ..evaluation.artifacts import Artifacts
from ..interfaces import Access, Dataset, Target
from ..leaderboard.store import read_records
from ..metrics.macs import count_macs
from ..plan.cells import Cell, Setting
from ..registry import Kind

BASE_BYTES = 700 * 2**20
"""A process that has imported everything (measured)."""
DECODER_BYTES = 64 * 32 * 16 * 4
"""For each pixel: batches of 64, 32 channels and about 16 maps that are kept for the gradient."""
GRADIENT_BYTES = 2**29
"""What optimization keeps at most (``attacks/_limits.py``)."""
QUERY_BYTES = 2**31
"""What queries keep at most (``attacks/_decoders/queries.py``)."""
STEP_SECONDS, MACS_PER_SECOND = 1.6e-4, 9e10
"""Training, for each image in each epoch: a fixed part, and a rate for the multiplications (measured with lenet5 on
MNIST and cnn6 on CIFAR-10, one core with AVX-512 and AMX)."""


@dataclass(frozen=True)
class Timing:
    """Seconds that earlier cells took.

    Attributes:
        names: dataset, model, split, defense and attack, without parameters.
        images: attacked images.
        protect_seconds: to make the protected model; None if that was not measured.
        attack_seconds: of the attack; None if there was none.
    """

    names: tuple[str, ...]
    images: int
    protect_seconds: float | None
    attack_seconds: float | None


@dataclass(frozen=True)
class Estimate:
    """What a plan will need.

    Attributes:
        seconds: wall time, for those cells that can be estimated.
        unknown: cells whose attack was never timed.
        memory: bytes of all processes together, at most.
    """

    seconds: float
    unknown: int
    memory: int


def estimate(groups: Sequence[Sequence[Cell]], bench: Artifacts, known: Sequence[Timing], jobs: int) -> Estimate:
    """Estimate what groups of cells need, those of one setting in one group.

    Args:
        groups: what is left to do.
        bench: tells which targets are trained, and how large the data are.
        known: cells that were timed.
        jobs: processes.
    """
    training: dict[object, float] = {}
    memory = 0
    for setting in (group[0].setting for group in groups):
        target = setting.dataset, setting.model, setting.seed
        if target not in training:
            training[target] = 0.0 if bench.targets.is_ready(setting) else _training_seconds(bench, setting)
        memory = max(memory, _memory(bench, setting))
    longest, total, unknown = 0.0, 0.0, 0
    for group in groups:
        found = [_attack_seconds(cell, known) for cell in group]
        unknown += found.count(None)
        protecting, attacking = _protect_seconds(group[0], known), [seconds or 0.0 for seconds in found]
        total += protecting + sum(attacking)
        longest = max(longest, protecting + max(attacking))
    processes = min(jobs, sum(map(len, groups)))
    seconds = sum(training.values()) + max(longest, total / max(processes, 1))
    return Estimate(seconds, unknown, processes * memory)


def timings(out: Path) -> list[Timing]:
    """Cells that were timed: those in a results folder, and those that come with the package."""
    return [*_recorded(out), *_shipped()]


def typical(kind: Kind, name: str) -> dict[str, float]:
    """Median seconds by dataset of the cells that were timed: of an attack to rebuild, of a defense to protect."""
    found: dict[str, list[float]] = defaultdict(list)
    for each in _shipped():
        dataset, _, _, defense, attack = each.names
        of, seconds = (attack, each.attack_seconds) if kind == "attacks" else (defense, each.protect_seconds)
        if of == name and seconds is not None:
            found[dataset].append(seconds)
    return {dataset: median(seconds) for dataset, seconds in sorted(found.items())}


def duration(seconds: float) -> str:
    """Seconds in words, as exact as an estimate is."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


def _recorded(out: Path) -> Iterable[Timing]:
    for record in read_records(out).values():
        row = record.row
        names = (row.dataset, row.model, row.split, row.defense, row.attack)
        yield Timing(_bare(names), row.n_images, record.details.get("protect_seconds"), row.attack_seconds)


def _shipped() -> Iterable[Timing]:
    text = files("mia_bench.benchmark.runner").joinpath("timings.csv").read_text(encoding="utf-8")
    for line in csv.DictReader(text.splitlines()):
        names = tuple(line[name] for name in ("dataset", "model", "split", "defense", "attack"))
        seconds = [float(line[name]) if line[name] else None for name in ("protect_seconds", "attack_seconds")]
        yield Timing(names, int(line["n_images"]), *seconds)


def _bare(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(name.partition(":")[0] for name in names)


def _names(cell: Cell) -> tuple[str, ...]:
    setting = cell.setting
    chosen = (setting.dataset.name, setting.model.name, setting.split, setting.defense.name, cell.attack.name)
    return _bare(chosen)


def _attack_seconds(cell: Cell, known: Sequence[Timing]) -> float | None:
    names, access = _names(cell), getattr(cell.attack.component, "access", None)
    alike = [each for each in known if each.names[4] == names[4] and each.attack_seconds is not None]
    nearest = _nearest(alike, names[:4])
    if not nearest:
        return None
    per_image = access is Access.WHITE_BOX
    return median(
        (each.attack_seconds or 0.0) * (cell.setting.images / each.images if per_image else 1) for each in nearest
    )


def _protect_seconds(cell: Cell, known: Sequence[Timing]) -> float:
    dataset, model, split, defense, _ = _names(cell)
    alike = [each for each in known if each.names[3] == defense and each.protect_seconds is not None]
    return median([each.protect_seconds or 0.0 for each in _nearest(alike, (dataset, model, split))] or [0.0])


def _nearest(known: Sequence[Timing], names: Sequence[str]) -> list[Timing]:
    """Those that agree in the most of these names, the first ones first."""

    def agreement(each: Timing) -> tuple[bool, ...]:
        return tuple(a == b for a, b in zip(each.names, names, strict=False))

    best = max(map(agreement, known), default=())
    return [each for each in known if agreement(each) == best]


def _training_seconds(bench: Artifacts, setting: Setting) -> float:
    dataset = setting.dataset.component
    assert isinstance(dataset, Dataset)
    macs = _macs(bench.targets.structure(setting.dataset, setting.model), bench, setting)
    return dataset.training.epochs * bench.facts(setting.dataset).train * (STEP_SECONDS + 3 * macs / MACS_PER_SECOND)


def _macs(target: Target, bench: Artifacts, setting: Setting) -> int:
    return count_macs(target, torch.zeros(1, *bench.facts(setting.dataset).image_shape))


def _memory(bench: Artifacts, setting: Setting) -> int:
    """Bytes of one process: its libraries and data, and the largest attack."""
    facts = bench.facts(setting.dataset)
    client = bench.targets.structure(setting.dataset, setting.model).split(setting.split).client
    image = torch.zeros(1, *facts.image_shape)
    wire, pixels = client(image).numel(), image.shape[2] * image.shape[3]
    data = 2 * 4 * (facts.train + facts.aux + facts.private) * image.numel()
    queries = min(QUERY_BYTES, 2 * 4 * facts.aux * max(wire, image.numel()))
    attacked = 4 * 4 * setting.images * max(wire, image.numel())
    return BASE_BYTES + data + queries + attacked + max(GRADIENT_BYTES, DECODER_BYTES * pixels)
