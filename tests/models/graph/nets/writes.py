"""Small networks that overwrite tensors or parts of them."""

import torch
from torch import Tensor, nn
from torch.nn import functional


class Block(nn.Module):
    """A residual block whose first activation overwrites its input, which the skip then reads."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, maps: Tensor) -> Tensor:
        changed = self.conv(self.relu(maps))
        changed += maps
        return changed


class Writing(nn.Module):
    """Overwrites tensors in every way that is common."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, padding=1)
        self.block = Block(4)
        self.fc = nn.Linear(4, 5)

    def forward(self, images: Tensor) -> Tensor:
        maps = self.block(self.conv(images))
        maps = functional.relu(maps, inplace=True)
        maps.mul_(2)
        return self.fc(maps.mean((2, 3)))


class Assigning(nn.Module):
    """Writes to a part of a tensor by its index, as networks that shift channels or mask pixels do."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, padding=1)
        self.fc = nn.Linear(4, 5)

    def forward(self, images: Tensor) -> Tensor:
        maps = self.conv(images)
        shifted = torch.zeros_like(maps)
        shifted[:, :2, 1:] = maps[:, :2, :-1]
        shifted[:, 2:, :-1] = maps[:, 2:, 1:]
        shifted[:, 0] += 1
        shifted[shifted < 0] = 0
        return self.fc(shifted.mean((2, 3)))


class Renaming(nn.Module):
    """Writes into a tensor that has several names, and into parts of it that are put back or not read again."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, padding=1)
        self.same = nn.Identity()
        self.fc = nn.Linear(256, 5)

    def forward(self, images: Tensor) -> Tensor:
        maps = self.conv(images)
        same = self.same(maps)
        maps.mul_(3).tanh_()
        maps[:, 0] *= 2
        same[:, 1] += 1
        first, second = same.chunk(2, 1)
        first.relu_()
        maps = torch.cat([first, second], 1)
        flat = maps.flatten(1)
        functional.hardtanh_(flat, -1, 1)
        return self.fc(flat)


class Viewing(nn.Module):
    """Writes through a view of a tensor that is read later, or reads a view of a tensor that was written later."""

    def __init__(self, way: str) -> None:
        super().__init__()
        self.way = way
        self.conv = nn.Conv2d(3, 4, 3, padding=1)
        self.fc = nn.Linear(256, 5)

    def forward(self, images: Tensor) -> Tensor:
        if self.way == "images":
            images[:, :1].clamp_(0, 1)
        maps = self.conv(images)
        flat = maps.flatten(1)
        if self.way == "flatten":
            functional.hardtanh_(maps.flatten(1), -1, 1)
        elif self.way == "mask":
            maps[maps > 6] = 6
            maps[:, 0][maps[:, 0] > 3] = 3
        elif self.way == "base":
            maps.clamp_(0, 1)
            return self.fc(flat)
        return self.fc(maps.flatten(1))
