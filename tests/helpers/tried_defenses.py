"""Rows of defenses that tests define."""

import itertools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from mia_bench.benchmark.evaluation.artifacts import Artifacts
from mia_bench.benchmark.evaluation.evaluate import evaluate
from mia_bench.benchmark.interfaces import Channel, Defense, ImageSet, SplitModel
from mia_bench.benchmark.leaderboard.records import Row
from mia_bench.benchmark.plan.cells import Cell, Setting
from mia_bench.benchmark.registry import Entry
from mia_bench.benchmark.registry.specs import ResolvedComponent, resolve
from mia_bench.benchmark.utils.cache import digest
from torch import Tensor, nn

from .cells import setting

Protect = Callable[[SplitModel, ImageSet], Any]

VERSIONS = itertools.count()
"""Each defense of a test has another version, so that it is not taken for the one before."""


def protecting(act: Protect) -> Defense:
    class Mine(Defense):
        """Does what a test says."""

        def protect(self, model: SplitModel, train: ImageSet) -> SplitModel:
            return act(model, train)

    return Mine()


def setting_with(bench: Artifacts, defense: Defense | Protect) -> Setting:
    chosen = defense if isinstance(defense, Defense) else protecting(defense)
    entry = Entry(kind="defenses", name="mine", target="t:Mine", package="third-party", version=f"{next(VERSIONS)}")
    return replace(setting(bench), defense=ResolvedComponent(entry, chosen))


def row_of(bench: Artifacts, defense: Defense | Protect, attack: str = "mean_image") -> Row:
    cell = Cell(setting_with(bench, defense), resolve("attacks", attack, {}))
    return evaluate(cell, digest("some-cell"), bench)[0].row


class Given(Channel):
    """Sends what a test says."""

    def __init__(self, act: Callable[[Tensor], Any]) -> None:
        super().__init__()
        self.act = act

    def forward(self, value: Tensor) -> Tensor:
        return self.act(value)


class Read(nn.Module):
    """Turns what is sent into an IR, and gives it to a server."""

    def __init__(self, read: Callable[[Tensor], Tensor], server: nn.Module) -> None:
        super().__init__()
        self.read, self.server = read, server

    def forward(self, sent: Tensor) -> Tensor:
        return self.server(self.read(sent))


class Behind(nn.Module):
    """Changes the answers of a server."""

    def __init__(self, server: nn.Module, change: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.server, self.change = server, change

    def forward(self, sent: Tensor) -> Tensor:
        return self.change(self.server(sent))


class Noise(Channel):
    stochastic = True

    def forward(self, value: Tensor) -> Tensor:
        return value + torch.randn_like(value)
