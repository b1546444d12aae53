"""Any folder of images."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field

from ..interfaces import Dataset, Pools, Training
from ._decode import Frame
from ._division import MOST_AUX, divide
from ._image_folder import read_tree, scan

DIVIDED = "no test split: a fifth of the images of each class, chosen by a fixed shuffle, is private"


class Imagefolder(Dataset):
    """Your own images: the tree train/<class>/<image>, test/<class>/<image> in --data-dir.

    Without the folder test, or with class folders alone, a fifth of the images of each class becomes the test split.
    Images are turned as their EXIF data say, cut to their central part and resized; transparency is dropped. Hidden
    files are passed over, and files whose suffix is of no image format. Decoded images are cached; those that are too
    many for memory stay on disk and are read batch by batch.

    Example:
        mia-bench run --dataset imagefolder:size=64,limit=5000 --data-dir my-images --defense dp_ir

    Source: the layout of torchvision.datasets.ImageFolder.
    """

    model: ClassVar[str] = "cnn6"
    split: ClassVar[str] = "relu22"
    training: ClassVar[Training] = Training(epochs=8, flip=True, shift=2)
    size: int = Field(32, ge=8, le=1024, description="height of the resized images in pixels, and their width")
    width: int | None = Field(None, ge=8, le=1024, description="width in pixels where it differs from the height")
    channels: Literal[1, 3] = Field(3, description="1 for gray, 3 for RGB")
    limit: int | None = Field(
        None, ge=4, description="images of each split that are read at most, the classes in proportion; all by default"
    )
    aux_images: int | None = Field(
        None,
        ge=1,
        description=f"training images that are the attacker's, not the victim's; "
        f"by default a fifth of them, at most {MOST_AUX:,}",
    )

    def load(self, data_dir: Path | None) -> Pools:
        """Read the tree in ``data_dir``; the test split is private.

        Decoded images are cached until a file changes.

        Raises:
            UsageError: if the tree is not complete, or a file is damaged or no image.
        """
        tree = scan(data_dir).limited(self.limit)
        frame = Frame(self.size, self.width or self.size, self.channels)
        pools = divide(*read_tree(tree, frame), tree.classes, self.aux_images)
        return replace(pools, note=DIVIDED) if tree.divided else pools
