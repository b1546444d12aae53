"""Small networks that read the values of their images."""

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
