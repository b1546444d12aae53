"""How a target is trained."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Training:
    """Describe how a target is trained on a dataset.

    Attributes:
        epochs: Passes over the training images, at least 1.
        flip: Whether to mirror images at random, from left to right.
        shift: The largest number of pixels by which images are moved at random, in each direction.
        fast: Whether to use the recipe that needs half of the time for many images; see ``training.recipes``.
        bfloat16: Whether layers compute in bfloat16, with weights in float32 (mixed precision). It takes less than half
            of the time on processors with instructions for bfloat16, and more on others.

    Example:
        >>> Training(epochs=5, flip=True)
        Training(epochs=5, flip=True, shift=0, fast=False, bfloat16=False)
    """

    epochs: int = 15
    flip: bool = False
    shift: int = 0
    fast: bool = False
    bfloat16: bool = False

    @property
    def identity(self) -> dict[str, Any]:
        """What tells trainings apart: the later attributes count only where they are set, so that ids stay."""
        return {name: value for name, value in asdict(self).items() if name not in ("fast", "bfloat16") or value}
