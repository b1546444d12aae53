"""The same few images as arrays and as folders, with labels in arrays and in tables."""

from pathlib import Path
from typing import Any

import numpy as np
from mia_bench.benchmark.datasets.imagefolder import Imagefolder
from mia_bench.benchmark.datasets.npz import Npz
from mia_bench.benchmark.evaluation.pool_validation import validate_pools
from mia_bench.benchmark.interfaces import Pools
from mia_bench.benchmark.utils.fingerprints import assert_disjoint
from PIL import Image

COUNT = 24
RANDOM = np.random.default_rng(0)
IMAGES = RANDOM.integers(0, 256, (COUNT, 12, 12, 3), dtype=np.uint8)
FLAGS = (RANDOM.random((COUNT, 3)) < 0.4).astype(np.int64)
NUMBERS = RANDOM.random((COUNT, 2)) * 50


def arrays(folder: Path, labels: Any = None, **params: Any) -> Pools:
    given = {} if labels is None else {"labels": labels}
    np.savez_compressed(folder / "x.npz", images=IMAGES, **given)
    pools = Npz(path=Path("x.npz"), **params).load(folder)
    validate_pools(pools, "x")
    return pools


def images(root: Path, names: Any = None) -> Path:
    for index in range(COUNT):
        path = root / (names(index) if names else f"{index}.png")
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(IMAGES[index]).save(path)
    return root


def table(root: Path, values: Any, header: str, name: str = "labels.csv", names: Any = None) -> None:
    lines = [",".join(map(str, [names(i) if names else f"{i}.png", *values[i]])) for i in range(COUNT)]
    (root / name).write_text("\n".join([header, *lines]) + "\n")


def folder(root: Path, **params: Any) -> Pools:
    pools = Imagefolder(**{"size": 12, **params}).load(root)
    validate_pools(pools, "folder")
    assert_disjoint(pools)
    return pools
