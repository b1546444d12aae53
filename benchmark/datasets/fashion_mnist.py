"""The FashionMNIST dataset: pieces of clothing."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from torchvision.datasets import FashionMNIST

from ..interfaces import Dataset, Pools, Training
from ._division import MAX_DEFAULT_AUX_IMAGES, ManyAuxImages, divide_pools, without_repeats
from ._torchvision import idx_files, read_splits


class FashionMnist(Dataset):
    """Pieces of clothing, 28x28 gray: 60,000 for training and 10,000 for testing.

    Example: ``mia-bench run --dataset fashion_mnist --data-dir data --defense dropout``

    Source: Xiao, Rasul, Vollgraf 2017, arXiv:1708.07747; torchvision.datasets.FashionMNIST.
    """

    model: ClassVar[str] = "lenet5"
    split: ClassVar[str] = "relu2"
    training: ClassVar[Training] = Training(epochs=8, shift=1)
    aux_images: ManyAuxImages = MAX_DEFAULT_AUX_IMAGES

    def load(self, data_dir: Path | None) -> Pools:
        """Read ``FashionMNIST/raw`` in ``data_dir``. The test split is private.

        Raises:
            UsageError: If files are missing or damaged, or cannot be downloaded.
        """
        train, test = read_splits(FashionMNIST, files=idx_files("FashionMNIST"), data_dir=data_dir)
        classes = tuple(FashionMNIST.classes)
        return divide_pools(without_repeats(train, test), test, classes, self.aux_images)
