"""Arrays of images and labels in a NumPy archive."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from pydantic import Field

from ..interfaces import Dataset, Pools, Training
from ._arrays import read_archive
from ._division import AuxImages, divide_pools
from ._labels import TASK, TaskChoice


class Npz(Dataset):
    """Arrays of images and labels in one .npz file, such as those of MedMNIST.

    The arrays have the names of MedMNIST (train_images, train_labels, val_images, val_labels, test_images,
    test_labels), those of Keras (x_train, y_train, x_test, y_test), or are called images and labels, of which a
    fifth of each class becomes the test split. Validation images join the training split. Images are (N, H, W), (N,
    H, W, C) or (N, C, H, W) with 1 or 3 channels: whole numbers from 0 to 255, or floats in [0, 1], which are
    rounded to 8 bits only if those of a split take more than 1 GiB. Labels are whole numbers (N,) or (N, 1) for
    classification, 0 and 1 (N, labels) for multi-label tasks, and other numbers for regression. Whole numbers are
    positions of the outputs of a trained network if they are from 0 to the number of outputs minus 1, or else its
    classes in their order. Without arrays of labels, the images are unlabeled. Nothing in the file is executed:
    arrays of Python objects, which are pickles, are refused.

    Example: ``mia-bench run --dataset npz:path=pathmnist.npz --defense dp_ir --sigma 0.1``

    Source: the layout of MedMNIST, Yang et al., Scientific Data 2023, "MedMNIST v2".
    """

    version: ClassVar[int] = 2
    model: ClassVar[str] = "cnn6"
    split: ClassVar[str] = "relu22"
    training: ClassVar[Training] = Training(epochs=8, shift=2)
    path: Path = Field(description="the .npz file; relative to --data-dir if that is given")
    task: TaskChoice = Field("auto", description=TASK)
    aux_images: AuxImages = None

    def load(self, data_dir: Path | None) -> Pools:
        """Read the arrays. The test split is private.

        Decoded images are cached until the file changes.

        Raises:
            UsageError: If the file is missing or damaged, or its arrays are not images and labels.
        """
        train, test, classes = read_archive(self.path if data_dir is None else data_dir / self.path, self.task)
        return divide_pools(train, test, classes, self.aux_images)
