"""The CIFAR-10 dataset: animals and vehicles."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field
from torchvision.datasets import CIFAR10

from ..errors import UsageError
from ..interfaces import Dataset, Pools, Training
from ..utils.texts import as_typed
from ._decode import Frame
from ._division import MAX_DEFAULT_AUX_IMAGES, ManyAuxImages, divide_pools, without_repeats
from ._image_folder import scan
from ._image_tree import read_tree
from ._torchvision import read_splits

FOLDER = "cifar10-jpeg"
CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
FILES = [
    f"{CIFAR10.base_folder}/{name}"
    for name, _ in [*CIFAR10.train_list, *CIFAR10.test_list, (CIFAR10.meta["filename"], CIFAR10.meta["md5"])]
]


class Cifar10(Dataset):
    """Animals and vehicles, 32x32 RGB: 50,000 for training and 10,000 for testing.

    About 3 % of the test images closely resemble a training image (Barz & Denzler 2020). Only equal ones are removed.

    Example: ``mia-bench run --dataset cifar10 --data-dir data --defense dropout``

    Source: Krizhevsky 2009, "Learning multiple layers of features from tiny images"; torchvision.datasets.CIFAR10.
    """

    version: ClassVar[int] = 2
    model: ClassVar[str] = "cnn6"
    split: ClassVar[str] = "relu22"
    training: ClassVar[Training] = Training(epochs=8, flip=True, shift=2, fast=True)
    aux_images: ManyAuxImages = MAX_DEFAULT_AUX_IMAGES
    files: Literal["auto", "official", "jpeg"] = Field(
        "auto", description=f"official files, or JPEG copies in the folder {FOLDER}; auto uses those that exist"
    )

    def load(self, data_dir: Path | None) -> Pools:
        """Read ``cifar-10-batches-py`` or ``cifar10-jpeg`` in ``data_dir``. The test split is private.

        The official files are pickles. torchvision opens them only if their MD5 is the published one, so no other
        pickle is ever loaded.

        Raises:
            UsageError: If files are missing or damaged, or cannot be downloaded.
        """
        if self._from_jpeg(data_dir):
            tree = scan(data_dir and data_dir / FOLDER)
            if tree.classes != CLASSES:
                raise UsageError(
                    f"Expected the classes {', '.join(CLASSES)} in {tree.root}, got {', '.join(tree.classes)}. Use the "
                    "dataset imagefolder for your own images."
                )
            train, test = read_tree(tree, Frame(32, 32, 3))
            note = "CIFAR-10 as JPEG files, which are smoother than the official ones"
            return replace(divide_pools(train, test, CLASSES, self.aux_images), note=note)
        if data_dir is not None and data_dir.resolve().name == FOLDER:
            raise UsageError(
                f"Expected --data-dir to be the folder that holds {FOLDER}, got {FOLDER} itself. "
                f"Give {as_typed('--data-dir', data_dir.resolve().parent)}."
            )
        train, test = read_splits(CIFAR10, files=FILES, data_dir=data_dir)
        return divide_pools(without_repeats(train, test), test, CLASSES, self.aux_images)

    def _from_jpeg(self, data_dir: Path | None) -> bool:
        if self.files != "auto" or data_dir is None:
            return self.files == "jpeg"
        return (data_dir / FOLDER).is_dir() and not (data_dir / CIFAR10.base_folder).is_dir()
