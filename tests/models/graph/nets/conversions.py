"""Small networks that transform their images or convert the type of their values."""

import torch
from torch import Tensor, nn
from torch.nn import functional
from torchvision import transforms
from torchvision.transforms import v2
from torchvision.transforms.functional import normalize


class Transforming(nn.Module):
    """Resizes and normalizes images itself, by what torchvision has for that."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind
        self.transforms = nn.Sequential(transforms.Resize(6), transforms.Normalize([0.5] * 3, [0.2] * 3, inplace=True))
        self.normalize = v2.Normalize([0.5] * 3, [0.2] * 3)
        self.conv = nn.Conv2d(3, 4, 3, padding=1)
        self.fc = nn.Linear(4, 5)

    def forward(self, images: Tensor) -> Tensor:
        if self.kind == "functions":
            images = v2.functional.resize(images, [6, 6])
            images = normalize(images, [0.5] * 3, [0.2] * 3)
        else:
            images = self.normalize(images) if self.kind == "v2" else self.transforms(images)
        return self.fc(self.conv(images).relu().mean((2, 3)))


class Converting(nn.Module):
    """Converts the type of its values."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.last = nn.Conv2d(3, 4, 3), nn.Linear(144, 5)

    def forward(self, images: Tensor) -> Tensor:
        maps = functional.relu(self.conv(images.type(torch.float32)))
        return self.last(maps.type(torch.float32).flatten(1))
