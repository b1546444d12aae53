"""Any folder of images."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field

from ..interfaces import Dataset, Pools, Training
from ._division import MOST_AUX, divide
from ._image_folder import read_tree, scan


class Imagefolder(Dataset):
    """Your own images: the tree train/<class>/<image>, test/<class>/<image> in --data-dir.

    Images are turned as their EXIF data say, cut to their central square and resized; transparency is dropped. Hidden
    files are passed over, and files whose suffix is of no image format.

    Source: the layout of torchvision.datasets.ImageFolder.
    """

    model: ClassVar[str] = "cnn6"
    split: ClassVar[str] = "relu22"
    training: ClassVar[Training] = Training(epochs=8, flip=True, shift=2)
    size: int = Field(32, ge=8, le=1024, description="pixels a side that images are brought to")
    channels: Literal[1, 3] = Field(3, description="1 for gray, 3 for RGB")
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
        tree = scan(data_dir)
        return divide(*read_tree(tree, size=self.size, channels=self.channels), tree.classes, self.aux_images)
