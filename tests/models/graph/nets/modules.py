"""Small networks with other modules, buffers or arguments than one layer after the other has."""

import torch
from torch import Tensor, nn
from torch.nn import functional


class Tied(nn.Module):
    """Uses one convolution in two places."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3, padding=1)
        self.fc = nn.Linear(3, 5)

    def forward(self, images: Tensor) -> Tensor:
        return self.fc(self.conv(functional.relu(self.conv(images))).mean((2, 3)))


class Naming(nn.Module):
    """Names its layers like methods of modules."""

    def __init__(self) -> None:
        super().__init__()
        self.normalize, self.insert = nn.BatchNorm2d(3), nn.Conv2d(3, 4, 3)
        self.places = nn.ReLU()

    def forward(self, images: Tensor) -> Tensor:
        return self.places(self.insert(self.normalize(images))).float().to(images.dtype).mean((2, 3))


class Ordering(nn.Module):
    """Has the order of its channels in a buffer."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("order", torch.tensor([2, 0, 1]))

    def forward(self, images: Tensor) -> Tensor:
        return images[:, self.order].mean((2, 3))


class Flagged(nn.Module):
    """Has an argument beside the images, and a test of it."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.fc = nn.Linear(4, 5)

    def forward(self, images: Tensor, with_maps: bool = False) -> Tensor:
        maps = self.conv(images)
        if with_maps:
            return maps
        return self.fc(maps.mean((2, 3)))
