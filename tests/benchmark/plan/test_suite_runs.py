"""Every built-in suite is planned whole and run in part, on tiny data and in few steps, so that none rots."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from mia_bench.attacks import _ensemble
from mia_bench.attacks._decoders import folds, inverse_network, linear
from mia_bench.attacks._inversion import map as _map
from mia_bench.attacks._inversion import weight_search
from mia_bench.attacks._priors import expectation_maximization
from mia_bench.benchmark.datasets import cifar10, known_prior, mnist, photos, whole_photos
from mia_bench.benchmark.datasets._division import divide_pools
from mia_bench.benchmark.datasets.known_prior import draw_set
from mia_bench.benchmark.datasets.whole_photos import WholePhotos
from mia_bench.benchmark.evaluation.artifacts import Artifacts
from mia_bench.benchmark.interfaces import Pools
from mia_bench.benchmark.metrics import gallery_bound, van_trees
from mia_bench.benchmark.plan.built_in_suites import built_in
from mia_bench.benchmark.plan.request import Request
from mia_bench.benchmark.plan.suite import requests_of
from mia_bench.benchmark.registry.specs import ResolvedComponent
from mia_bench.benchmark.runner.options import RunOptions
from mia_bench.benchmark.runner.progress import Listener
from mia_bench.benchmark.runner.resume import PlannedCell, prepare
from mia_bench.benchmark.runner.run import execute
from mia_bench.defenses import fisher
from mia_bench.defenses._dp import shaped_channel

from ...helpers.trees import idx_files, jpeg_tree

ITERATIONS, EPOCHS, STEPS = {"iterations": ["2"]}, {"epochs": ["1"]}, {"steps": ["2"]}
BRIEFLY: dict[str, dict[str, list[str]]] = {
    "benkraouda2021": EPOCHS,
    "encryption": ITERATIONS | EPOCHS | {"accuracy_images": ["4"]},
    "calibration": {},
    "claims": EPOCHS | ITERATIONS | STEPS,
    "defenses": {"accuracy_images": ["4"], "dp_epochs": ["1"]},
    "defenses-papers": EPOCHS | {"dp_epochs": ["1"]},
    "he2019-black-box": EPOCHS,
    "he2019-layers": EPOCHS | ITERATIONS,
    "he2019-query-free": EPOCHS | ITERATIONS,
    "he2019-techniques": EPOCHS | ITERATIONS | STEPS,
    "he2019-white-box": ITERATIONS,
    "he2021-noise-dropout": ITERATIONS,
    "large-images": EPOCHS | ITERATIONS | {"tv": ["0.1"]},
    "oh2019-structure": EPOCHS | ITERATIONS,
    "quick": EPOCHS | ITERATIONS,
    "real-networks": ITERATIONS | {"tv": ["0.1"]},
}
"""Options that shorten each suite."""
ATTACKS = {
    "calibration": ["ridge", "auto"],
    "defenses": ["ridge", "auto"],
    "defenses-papers": ["ridge", "black_box"],
    "real-networks": ["white_box", "auto"],
}
"""In place of the attacks of a suite with many defenses or networks: the first runs on each, the others on one."""


@pytest.fixture
def data(tmp_path: Path, brief: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Tiny MNIST and CIFAR-10, few patches of the photographs, and training of a few steps."""
    for module in (cifar10, mnist):
        monkeypatch.setattr(
            module, "divide_pools", lambda train, test, classes, _: divide_pools(train, test, classes, 16)
        )
    monkeypatch.setattr(whole_photos, "CROPS", 2)
    monkeypatch.setattr(whole_photos.WholePhotos, "load", small(whole_photos.WholePhotos.load))
    monkeypatch.setattr(photos, "MAX_PATCHES", {"train": 4, "aux": 4, "private": 2})
    monkeypatch.setattr(_ensemble, "ITERATIONS", 2)
    monkeypatch.setattr(_map, "WEIGHTS", (1e-3,))
    monkeypatch.setattr(weight_search, "WEIGHTS", (0.1,))
    monkeypatch.setattr(folds, "NUM_FOLDS", 2)
    monkeypatch.setattr(known_prior, "draw_set", lambda prior, count: draw_set(prior, min(count, 60)))
    monkeypatch.setattr(expectation_maximization, "PATCHES", 300)
    monkeypatch.setattr(linear, "STRENGTHS", (1e-4, 1.0))
    monkeypatch.setattr(linear, "SIDES", ((3, 600),))
    monkeypatch.setattr(inverse_network, "MAX_MEASURED_IMAGES", 2)
    monkeypatch.setattr(fisher, "CALIBRATION_IMAGES", 4)
    monkeypatch.setattr(fisher, "PROBES", 2)
    monkeypatch.setattr(shaped_channel, "JACOBIAN_IMAGES", 4)
    monkeypatch.setattr(gallery_bound, "TOTAL_WIRES", 64)
    monkeypatch.setattr(gallery_bound, "MIN_DRAWS", 4)
    monkeypatch.setattr(van_trees, "IMAGES", 1)
    idx_files(tmp_path, "MNIST", train=60, test=20)
    jpeg_tree(tmp_path / cifar10.FOLDER, cifar10.CLASSES, train=6, test=2)
    return tmp_path


def small(load: Callable[[WholePhotos, Path | None], Pools]) -> Callable[[WholePhotos, Path | None], Pools]:
    """Make the photographs small, which a suite takes as large as they are published."""
    return lambda dataset, data_dir: load(dataset.model_copy(update={"size": 64}), data_dir)


def without_numbers(component: ResolvedComponent) -> tuple[str, ...]:
    """A component and its parameters but those that are numbers."""
    params = component.component.model_dump().items()
    words = (f"{name}={value}" for name, value in params if isinstance(value, str | bool) or value is None)
    return (component.name, *words)


def crossed(planned: Sequence[PlannedCell]) -> list[PlannedCell]:
    """Each split of each network once, and each defense and each attack once; numbers and seeds count as the same.

    Which attacks and defenses work on which kinds of wires is tested in ``test_every_wire.py`` of both.
    """
    chosen, seen = [], set[Any]()
    for each in planned:
        setting = each.cell.setting
        network = (setting.dataset.label, without_numbers(setting.model))
        defense, attack = map(without_numbers, (setting.defense, each.cell.attack))
        new = {(*network, setting.split), defense, attack} - seen
        if new:
            chosen.append(each)
        seen |= new
    return chosen


@pytest.mark.slow
@pytest.mark.parametrize("suite", built_in())
def test_every_built_in_suite_runs_to_its_end(suite: str, data: Path, tmp_path: Path) -> None:
    where = RunOptions(out=tmp_path / "results", data_dir=data)
    bench = Artifacts(device=torch.device("cpu"), data_dir=data)
    given = {"images": 2, "options": BRIEFLY[suite], **({"attacks": ATTACKS[suite]} if suite in ATTACKS else {})}
    planned = prepare(requests_of(suite, Request(**given)), where, bench)

    records = execute(crossed(planned), where, bench, Listener())

    board = pd.DataFrame([record.row.model_dump() for record in records])
    assert set(board["status"]) <= {"done", "inapplicable"}, board[["defense", "attack", "status", "reason"]]
    assert np.isfinite(board.loc[board["status"] == "done", "psnr_db"]).all()
    assert set(board["defense"]) == {each.cell.setting.defense.name for each in planned}
    assert set(board["attack"]) == {each.cell.attack.name for each in planned}
