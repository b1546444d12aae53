"""Any folder of images."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor

from ..cache import cached_tensors
from ..interfaces import Dataset, Pools, Training
from ._decode import VERSION, decode
from ._folder import SPLITS, Tree, scan
from ._pools import MOST_AUX, Split, divide, without_repeats


class Imagefolder(Dataset):
    """Your own images: the tree train/<class>/<image>, test/<class>/<image> in --data-dir.

    Images are cut to their central square and resized; transparency is dropped.

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
        identity = ["imagefolder", VERSION, self.size, self.channels, str(tree.root.resolve()), tree.stamp()]
        tensors = cached_tensors("datasets", identity, lambda: self._decode(tree))
        train, test = (Split(tensors[f"{split}_images"], tensors[f"{split}_labels"]) for split in SPLITS)
        return divide(train, test, tree.classes, self.aux_images)

    def _decode(self, tree: Tree) -> dict[str, Tensor]:
        train, test = (self._split(tree, split) for split in SPLITS)
        train = without_repeats(train, test)
        return {
            "train_images": train.images,
            "train_labels": train.labels,
            "test_images": test.images,
            "test_labels": test.labels,
        }

    def _split(self, tree: Tree, split: str) -> Split:
        files = tree.files[split]
        images = decode([tree.root / path for path, _ in files], size=self.size, channels=self.channels)
        return Split(images, torch.tensor([label for _, label in files]))
