"""Small networks that read the values of their images."""

from collections.abc import Callable
from typing import Any

from torch import Tensor, nn


class Deciding(nn.Module):
    """Does what the images say."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(3, 5)

    def forward(self, images: Tensor) -> Tensor:
        means = images.mean((2, 3))
        if means.sum() > 0:
            means = means * 2
        return self.fc(means)


class Inside(nn.Module):
    """Holds a module that does what the images say."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3)
        self.decide = Deciding()

    def forward(self, images: Tensor) -> Tensor:
        return self.decide(self.conv(images))


class Counting(nn.Module):
    """Uses a number that follows from the values of the images."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 5, 3, padding=1)
        self.fc = nn.Linear(5, 5)

    def forward(self, images: Tensor) -> Tensor:
        scale = images.flatten(1).amax(1).view(-1, 1)
        maps = self.conv(images)
        return self.fc(maps.mean((2, 3))) * scale


class Scaling(nn.Module):
    """Asks for a number that depends on what is in the images."""

    def forward(self, images: Tensor) -> Tensor:
        return images.mean((2, 3)) / float(images.max())


class Asking(nn.Module):
    """Clamps its images if a function of them and of the class of tensors says so."""

    def __init__(self, ask: Callable[[Any, type[Tensor]], Any]) -> None:
        super().__init__()
        self.ask = ask
        self.conv = nn.Conv2d(3, 4, 3)

    def forward(self, images: Tensor) -> Tensor:
        if self.ask(images, Tensor):
            images = images.clamp(-1, 1)
        return self.conv(images).mean((2, 3))


class Catching(nn.Module):
    """Catches the error that a condition raises while it is traced."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)

    def forward(self, images: Tensor) -> Tensor:
        try:
            if images.min() < 0:
                images = images.abs()
        except Exception:
            pass
        return self.conv(images).mean((2, 3))
