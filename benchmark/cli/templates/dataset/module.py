"""A dataset for mia-bench."""

from pathlib import Path
from typing import ClassVar

import torch
from mia_bench import Dataset, ImageSet, Pools
from pydantic import Field


class MyComponent(Dataset):
    """Disks, squares and crosses of random place, size and shade on a soft background.

    Replace ``_draw`` by reading files in ``data_dir``; where they are missing, raise ``mia_bench.UsageError`` with one
    sentence that names the folder.

    Source: say where the images come from, and their license.
    """

    version: ClassVar[int] = 1
    model: ClassVar[str] = "lenet5"
    split: ClassVar[str] = "relu1"
    size: int = Field(28, ge=16, le=128, description="pixels a side of the images")

    def load(self, data_dir: Path | None) -> Pools:
        """Make the three pools, which have no image in common; the same ones each time."""
        random = torch.Generator().manual_seed(0)
        train, aux, private = (self._draw(count, random) for count in (900, 600, 300))
        return Pools(train, aux, private, classes=("disk", "square", "cross"))

    def _draw(self, count: int, random: torch.Generator) -> ImageSet:
        """``count`` images (count, 1, size, size) in [0, 1], the classes in turn."""
        labels = torch.arange(count) % 3
        place, radius, shade = (torch.rand(count, 2, generator=random) for _ in range(3))
        axis = torch.linspace(0, 1, self.size)
        down = (axis[:, None] - (0.3 + 0.4 * place[:, :1, None])).abs()  # (count, size, 1)
        across = (axis[None, :] - (0.3 + 0.4 * place[:, 1:, None])).abs()  # (count, 1, size)
        reach = 0.1 + 0.15 * radius[:, :1, None]
        disk, square = (down**2 + across**2).sqrt() < reach, torch.maximum(down, across) < reach
        cross = square & (torch.minimum(down, across) < reach / 3)
        shapes = torch.stack([disk, square, cross])[labels, torch.arange(count)]  # (count, size, size)
        images = 0.3 * shade[:, :1, None] + (0.4 + 0.3 * shade[:, 1:, None]) * shapes
        return ImageSet(images.unsqueeze(1), labels)
