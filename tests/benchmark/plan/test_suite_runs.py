"""Every built-in suite from end to end, on tiny data and in few steps, so that none rots."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from mia_bench.attacks import _ensemble
from mia_bench.attacks._decoders import fitting
from mia_bench.attacks._inversion import map as _map
from mia_bench.benchmark.cli import run
from mia_bench.benchmark.datasets import cifar10, mnist, photos
from mia_bench.benchmark.datasets._division import divide
from mia_bench.benchmark.interfaces import Training
from mia_bench.benchmark.plan.suite import built_in

from ...helpers.trees import idx_files, jpeg_tree

ITERATIONS, EPOCHS, STEPS = {"iterations": ["2"]}, {"epochs": ["1"]}, {"steps": ["2"]}
BRIEFLY: dict[str, dict[str, list[str]]] = {
    "benkraouda2021": EPOCHS,
    "encryption": ITERATIONS | EPOCHS | {"accuracy_images": ["4"]},
    "defenses": {"accuracy_images": ["4"]},
    "he2019-black-box": EPOCHS,
    "he2019-layers": EPOCHS | ITERATIONS,
    "he2019-query-free": EPOCHS | ITERATIONS,
    "he2019-techniques": EPOCHS | ITERATIONS | STEPS,
    "he2019-white-box": ITERATIONS,
    "he2021-noise-dropout": ITERATIONS,
    "large-images": EPOCHS | ITERATIONS,
    "oh2019-structure": EPOCHS | ITERATIONS,
    "quick": EPOCHS | ITERATIONS,
}
"""Options that shorten each suite."""
ATTACKS = {"defenses": ["ridge"]}
"""In place of the attack of a suite that is long and has one that other suites run too."""


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Tiny MNIST and CIFAR-10, few patches of the photographs, and brief training."""
    for source in (cifar10.Cifar10, mnist.Mnist, photos.Photos):
        monkeypatch.setattr(source, "training", Training(epochs=1))
    for module in (cifar10, mnist):
        monkeypatch.setattr(module, "divide", lambda train, test, classes, _: divide(train, test, classes, 30))
    monkeypatch.setattr(photos, "MAX_PATCHES", {"train": 8, "aux": 8, "private": 4})
    monkeypatch.setattr(_ensemble, "ITERATIONS", 2)
    monkeypatch.setattr(_map, "WEIGHTS", (1e-3,))
    monkeypatch.setattr(fitting, "train_decoder", lambda *_, **__: None)
    idx_files(tmp_path, "MNIST", train=120, test=20)
    jpeg_tree(tmp_path / cifar10.FOLDER, cifar10.CLASSES, train=12, test=2)
    return tmp_path


@pytest.mark.parametrize("suite", built_in())
def test_every_built_in_suite_runs_to_its_end(suite: str, data: Path, tmp_path: Path) -> None:
    code = run.run(
        suite=suite,
        given={"images": 4, **({"attacks": ATTACKS[suite]} if suite in ATTACKS else {})},
        options=BRIEFLY[suite],
        own_options=[],
        where={"out": tmp_path / "results", "data_dir": data},
        dry_run=False,
    )

    board = pd.read_csv(tmp_path / "results" / "leaderboard.csv")
    assert set(board["status"]) <= {"done", "inapplicable"}, board[["defense", "attack", "status", "reason"]]
    assert code == 0
    assert np.isfinite(board.loc[board["status"] == "done", "psnr_db"]).all()
    assert {"undefended", "mean_image"} <= {*board["defense"], *board["attack"]}
