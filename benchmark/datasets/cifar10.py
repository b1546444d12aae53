"""The CIFAR-10 dataset."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from pydantic import Field
from torchvision.datasets import CIFAR10

from ..interfaces import Dataset, Pools, Training
from ._pools import MOST_AUX, divide, without_repeats
from ._torchvision import read_splits

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
FILES = [
    f"{CIFAR10.base_folder}/{name}"
    for name, _ in [*CIFAR10.train_list, *CIFAR10.test_list, (CIFAR10.meta["filename"], CIFAR10.meta["md5"])]
]


class Cifar10(Dataset):
    """Animals and vehicles, 32x32 RGB: 50,000 for training and 10,000 for testing.

    About 3 % of the test images resemble a training image closely (Barz & Denzler 2020); only equal ones are left out.

    Source: Krizhevsky 2009, "Learning multiple layers of features from tiny images"; torchvision.datasets.CIFAR10.
    """

    model: ClassVar[str] = "cnn6"
    split: ClassVar[str] = "relu22"
    training: ClassVar[Training] = Training(epochs=8, flip=True, shift=2)
    aux_images: int = Field(MOST_AUX, ge=1, description="training images that are the attacker's, not the victim's")

    def load(self, data_dir: Path | None) -> Pools:
        """Read ``cifar-10-batches-py`` in ``data_dir``; the test split is private.

        The official files are pickles. torchvision opens them only if their MD5 is the published one, so no other
        pickle is ever loaded.

        Raises:
            UsageError: if files are missing or damaged, or cannot be downloaded.
        """
        train, test = read_splits(CIFAR10, files=FILES, data_dir=data_dir)
        return divide(without_repeats(train, test), test, CLASSES, self.aux_images)
