"""The MNIST dataset: handwritten digits."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from torchvision.datasets import MNIST

from ..interfaces import Dataset, Pools, Training
from ._division import MAX_DEFAULT_AUX_IMAGES, ManyAuxImages, divide_pools, without_repeats
from ._torchvision import idx_files, read_splits


class Mnist(Dataset):
    """Handwritten digits, 28x28 gray: 60,000 for training and 10,000 for testing.

    Example: ``mia-bench run --dataset mnist --data-dir data --defense dropout``

    Source: LeCun, Bottou, Bengio, Haffner, Proceedings of the IEEE 1998; torchvision.datasets.MNIST.
    """

    model: ClassVar[str] = "lenet5"
    split: ClassVar[str] = "relu2"
    training: ClassVar[Training] = Training(epochs=8, shift=1)
    aux_images: ManyAuxImages = MAX_DEFAULT_AUX_IMAGES

    def load(self, data_dir: Path | None) -> Pools:
        """Read ``MNIST/raw`` in ``data_dir``. The test split is private.

        Raises:
            UsageError: If files are missing or damaged, or cannot be downloaded.
        """
        train, test = read_splits(MNIST, files=idx_files("MNIST"), data_dir=data_dir)
        classes = tuple(str(digit) for digit in range(10))
        return divide_pools(without_repeats(train, test), test, classes, self.aux_images)
