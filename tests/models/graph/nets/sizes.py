"""Small networks that compute with the number and the size of their images."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional


class Sized(nn.Module):
    """Reads the batch size at the beginning and uses it at the end, as much published code does."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, padding=1)
        self.deep = nn.Conv2d(4, 4, 3, padding=1)
        self.fc = nn.Linear(4 * 8 * 8, 5)

    def forward(self, images: Tensor) -> Tensor:
        count = images.size(0)
        height, width = images.shape[-2:]
        maps = self.deep(functional.relu(self.conv(images)))
        return self.fc(maps.reshape(count, 4 * height * width))


class Measuring(nn.Module):
    """Takes the length of the batch."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)

    def forward(self, images: Tensor) -> Tensor:
        count = len(images)
        return functional.relu(self.conv(images)).reshape(count, 4 * 6 * 6)


class Squaring(nn.Module):
    """Uses a number that follows from the number of images, but is not a multiple of it."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 5, 3, padding=1)

    def forward(self, images: Tensor) -> Tensor:
        count = images.shape[0] * images.shape[0]
        return functional.relu(self.conv(images)).mean((2, 3)) / count


class Checking(nn.Module):
    """Looks at the size of the images, as published code does before it goes to work."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3)
        self.fc = nn.Linear(3, 5)

    def forward(self, images: Tensor) -> Tensor:
        count, _, height, width = images.shape
        if height % 2 or width != height:
            raise ValueError("expected even squares")
        maps = self.conv(images)
        if min(maps.shape[2], 16) < 8:
            maps = functional.relu(maps)
        return self.fc(maps.mean((2, 3))).reshape(count, -1)


class Rooting(nn.Module):
    """Computes the side of a square map from the number of its pixels."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, padding=1)

    def forward(self, images: Tensor) -> Tensor:
        pixels = self.conv(images).flatten(2)
        side = int(pixels.shape[2] ** 0.5)
        half = float(side) / 2
        return pixels.reshape(-1, 4, side, side).relu().mean((2, 3)) / half


class Filling(nn.Module):
    """Makes tensors of zeros and ones as large as others."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.deep = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 4, 3, padding=1)
        self.fc = nn.Linear(4, 5)

    def forward(self, images: Tensor) -> Tensor:
        ones, zeros = torch.ones_like(images[:, :1]), images.new_zeros(images.shape[0], 4, 1, 1)
        maps = self.deep(functional.relu(self.conv(images))) + zeros + ones
        return self.fc(maps.mean((2, 3)))


class Flattening(nn.Module):
    """Flattens the maps in front of its last layer by a function."""

    def __init__(self, flatten: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.flatten = flatten
        self.pool = nn.AdaptiveAvgPool1d(5)

    def forward(self, images: Tensor) -> Tensor:
        return self.pool(self.flatten(self.conv(images)))
