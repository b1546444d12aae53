"""Small image folders to run on."""

from pathlib import Path

import numpy as np
from PIL import Image

CLASSES = ("blue", "green", "red")


def image_tree(root: Path, *, train: int = 30, test: int = 8, size: int = 16) -> Path:
    """Write ``train/<class>/*.png`` and ``test/<class>/*.png``: soft blobs in the color of their class."""
    random = np.random.default_rng(0)
    rows, columns = np.mgrid[:size, :size] / size
    for split, count in (("train", train), ("test", test)):
        for channel, name in enumerate(reversed(CLASSES)):
            folder = root / split / name
            folder.mkdir(parents=True)
            for index in range(count):
                y, x, width = random.uniform((0.2, 0.2, 0.1), (0.8, 0.8, 0.4))
                blob = np.exp(-((rows - y) ** 2 + (columns - x) ** 2) / width**2)
                pixels = np.full((size, size, 3), 40) + 60 * blob[:, :, None]
                pixels[:, :, channel] += 120 * blob
                Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(folder / f"{index:03}.png")
    return root
