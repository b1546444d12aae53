"""The settings by which targets are trained: the standard ones, and those that need less time for many images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Recipe:
    """Describe the optimization of a target by stochastic gradient descent with Nesterov momentum.

    Attributes:
        shifts: Whether images are moved at random, which costs accuracy in few passes.
        batch_size: The largest number of images in a step. 64 images of 32x32 pixels keep every activation of ``cnn6``
            below 32 MiB, above which the C library returns memory to the system after each use: 128 cost 12 % more.
        learning_rate: The peak learning rate.
        last_rate: The learning rate of fully connected layers, as a share of that of convolutions.
        decay: Whether the learning rate falls along a cosine or linearly.
        weight_decay: The weight decay.
        label_smoothing: The share of the label that is spread over all classes.
        sizes: Shares of the sides of an image with shares of the training, one after the other.

    Example:
        >>> Recipe().sizes
        ((1.0, 1.0),)
    """

    shifts: bool = True
    batch_size: int = 128
    learning_rate: float = 0.1
    last_rate: float = 1.0
    decay: Literal["cos", "linear"] = "cos"
    weight_decay: float = 5e-4
    label_smoothing: float = 0.0
    sizes: tuple[tuple[float, float], ...] = ((1.0, 1.0),)

    @property
    def cost(self) -> float:
        """The time of a training, as a share of that with the standard recipe, if time goes by the pixels.

        Example:
            >>> Recipe(sizes=((0.5, 0.5), (1.0, 0.5))).cost
            0.625
        """
        return sum(share * side**2 for side, share in self.sizes)

    def side(self, progress: float) -> float:
        """Return the share of the sides of an image after a share of the training.

        Example:
            >>> Recipe(sizes=((0.5, 0.3), (1.0, 0.7))).side(0.29)
            0.5
        """
        done = 0.0
        for side, share in self.sizes:
            done += share
            if progress < done:
                return side
        return self.sizes[-1][0]


STANDARD = Recipe()
FAST = Recipe(
    shifts=False,
    batch_size=64,
    learning_rate=0.15,
    last_rate=0.3,
    decay="linear",
    weight_decay=1e-3,
    label_smoothing=0.1,
    sizes=((0.5, 0.35), (0.75, 0.4), (1.0, 0.25)),
)
