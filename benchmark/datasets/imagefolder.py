"""Your own images, read from a folder."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field

from ..interfaces import Dataset, Pools, Training
from ._decode import Frame
from ._division import AuxImages, divide_pools
from ._image_folder import scan
from ._image_tree import read_tree
from ._labels import TASK, TaskChoice

DIVIDED = "no test split: a fifth of the images of each class, chosen by a fixed shuffle, is private"


DIVIDED_WITHOUT_CLASSES = "no test split: a fifth of the images, chosen by a fixed shuffle, is private"


class Imagefolder(Dataset):
    """Your own images, in the folders train/<class>/<image> and test/<class>/<image> of --data-dir.

    Without the folder test, or with class folders alone, a fifth of the images of each class becomes the test split.
    A folder of images without classes is unlabeled: it suits a trained network, whose agreement is measured.

    For several labels of an image, or numbers to predict, write labels.csv (or attributes.csv) into --data-dir: a
    header, then the path of an image and its numbers on each line. If all numbers are 0 and 1, or -1 and 1, they are
    labels that an image has or does not have. Otherwise they are numbers to predict. A single column may hold the name
    of each image's class instead, or its number with task=classification. The images may lie in any folders, whose
    names are then not used as classes.

    Beside labels.csv, or beside folders of classes with task=classification, attributes.csv holds numbers that the
    network is not for. Records say how well they can be read from the wire.

    Images are rotated as their EXIF data say, cropped to their central part and resized. Transparency is dropped.
    Hidden files are ignored, as are files whose suffix is not that of an image format. Decoded images are cached. If
    they are too many for memory, they stay on disk and are read batch by batch.

    Example: ``mia-bench run --dataset imagefolder:size=64,limit=5000 --data-dir my-images --defense dp_ir``

    Source: the layout of torchvision.datasets.ImageFolder.
    """

    model: ClassVar[str] = "cnn6"
    split: ClassVar[str] = "relu22"
    training: ClassVar[Training] = Training(epochs=8, flip=True, shift=2)
    size: int = Field(32, ge=8, le=1024, description="height of the resized images, in pixels")
    width: int | None = Field(
        None, ge=8, le=1024, description="width of the resized images, in pixels; none takes the height"
    )
    channels: Literal[1, 3] = Field(3, description="color channels: 1 for gray, 3 for RGB")
    task: TaskChoice = Field("auto", description=TASK)
    limit: int | None = Field(
        None, ge=4, description="most images of each split, with the classes in proportion; none reads all"
    )
    aux_images: AuxImages = None

    def load(self, data_dir: Path | None) -> Pools:
        """Read the image folder ``data_dir``. The test split is private.

        Decoded images are cached until a file changes.

        Raises:
            UsageError: If the folder is incomplete, or a file is damaged or not an image.
        """
        tree = scan(data_dir, self.task).limited(self.limit)
        frame = Frame(self.size, self.width or self.size, self.channels)
        train, test = read_tree(tree, frame)
        pools = divide_pools(train, test, tree.labels("test").names, self.aux_images)
        pools = replace(pools, attributes=tree.attributes.columns if tree.attributes else ())
        note = DIVIDED if train.task == "classification" else DIVIDED_WITHOUT_CLASSES
        return replace(pools, note=note) if tree.divided else pools
