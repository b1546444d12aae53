"""A folder of random images, as the dataset ``imagefolder`` reads it."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def tree(tmp_path) -> Path:
    root = tmp_path / "data"
    random = np.random.default_rng(0)
    for split, count in (("train", 10), ("test", 4)):
        for name in ("cat", "dog"):
            folder = root / split / name
            folder.mkdir(parents=True)
            for index in range(count):
                pixels = random.integers(0, 256, (16, 16, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(folder / f"{index}.png")
    return root
