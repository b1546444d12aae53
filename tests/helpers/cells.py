"""Cells of a small image folder, with attacks that do what a test says."""

from collections.abc import Callable
from typing import Any, ClassVar

import torch
from mia_bench.benchmark.evaluation.artifacts import Artifacts
from mia_bench.benchmark.evaluation.evaluate import evaluate
from mia_bench.benchmark.interfaces import Access, Attack, Observation, Reconstruction
from mia_bench.benchmark.leaderboard.records import Record
from mia_bench.benchmark.plan.cells import Cell, Setting
from mia_bench.benchmark.plan.expansion import plan
from mia_bench.benchmark.plan.request import Request
from mia_bench.benchmark.registry import Entry
from mia_bench.benchmark.registry.specs import ResolvedComponent
from mia_bench.benchmark.utils.cache import digest
from torch import Tensor


def setting(bench: Artifacts, defense: str = "undefended", *, split: str = "conv1") -> Setting:
    request = Request(
        dataset="imagefolder:size=16", model="lenet5", splits=[split], defenses=[defense], attacks=["ridge"], images=4
    )
    found = plan(request)[-1].setting
    bench.check(found)
    return found


def gray(seen: Observation) -> Tensor:
    return torch.full((len(seen.wire), *seen.image_shape), 0.5)


class Scripted(Attack):
    """Does what a test says."""

    access: ClassVar[Access] = Access.BLACK_BOX
    act: ClassVar[Callable[[Observation], Any]]

    def reconstruct(self, seen: Observation) -> Tensor | Reconstruction:
        return type(self).act(seen)


def outcome(
    bench: Artifacts,
    act: Callable[[Observation], Any],
    access: Access = Access.BLACK_BOX,
    defense: str = "undefended",
) -> Record:
    attack = type("Acting", (Scripted,), {"act": staticmethod(act), "access": access})()
    entry = Entry(kind="attacks", name="acting", target="t:Acting", package="third-party", version="7")
    return evaluate(Cell(setting(bench, defense), ResolvedComponent(entry, attack)), digest("some-cell"), bench)[0]
