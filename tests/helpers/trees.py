"""Small image folders and files to run on."""

import functools
import io
import itertools
import signal
import struct
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

CLASSES = ("blue", "green", "red")


def image_tree(root: Path, *, train: int = 30, test: int = 8, size: int = 16) -> Path:
    """Write ``train/<class>/*.png`` and ``test/<class>/*.png``: soft blobs in the color of their class."""
    for name, content in blobs(train, test, size).items():
        path = root / name
        if path.stem == "000":
            path.parent.mkdir(parents=True)
        path.write_bytes(content)
    return root


@functools.cache
def blobs(train: int, test: int, size: int) -> dict[str, bytes]:
    """The files of such a folder, which are drawn once."""
    random = np.random.default_rng(0)
    rows, columns = np.mgrid[:size, :size] / size
    found = {}
    for split, count in (("train", train), ("test", test)):
        for channel, name in enumerate(reversed(CLASSES)):
            for index in range(count):
                y, x, width = random.uniform((0.2, 0.2, 0.1), (0.8, 0.8, 0.4))
                blob = np.exp(-((rows - y) ** 2 + (columns - x) ** 2) / width**2)
                pixels = np.full((size, size, 3), 40) + 60 * blob[:, :, None]
                pixels[:, :, channel] += 120 * blob
                file = io.BytesIO()
                Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(file, "png")
                found[f"{split}/{name}/{index:03}.png"] = file.getvalue()
    return found


def idx_files(root: Path, name: str, *, train: int, test: int) -> None:
    """Write a dataset in the format of MNIST under ``root/<name>/raw``: noise, with the ten labels in turn."""
    raw = root / name / "raw"
    raw.mkdir(parents=True)
    random = np.random.default_rng(0)
    for split, count in (("train", train), ("t10k", test)):
        pixels = random.integers(0, 256, (count, 28, 28), dtype=np.uint8)
        labels = (np.arange(count) % 10).astype(np.uint8)
        (raw / f"{split}-images-idx3-ubyte").write_bytes(struct.pack(">4I", 0x803, count, 28, 28) + pixels.tobytes())
        (raw / f"{split}-labels-idx1-ubyte").write_bytes(struct.pack(">2I", 0x801, count) + labels.tobytes())


def jpeg_tree(root: Path, classes: Sequence[str], *, train: int, test: int) -> None:
    """Write ``train/<class>/*.jpg`` and ``test/<class>/*.jpg``: noise of 32x32 pixels."""
    random = np.random.default_rng(0)
    for (split, count), name in itertools.product((("train", train), ("test", test)), classes):
        folder = root / split / name
        folder.mkdir(parents=True)
        for index in range(count):
            Image.fromarray(random.integers(0, 256, (32, 32, 3), dtype=np.uint8)).save(folder / f"{index}.jpg")


def hear_interrupts() -> None:
    """In a process that is started: hear Ctrl-C, which shells take from what runs in their background."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
