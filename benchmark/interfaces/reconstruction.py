"""What an attack returns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from ..errors import clean

SLACK = 1e-6
"""By how much rounding may carry a pixel out of [0, 1]."""


class InvalidReconstruction(Exception):
    """An attack returned something other than one image in [0, 1] for each entry of the wire."""


@dataclass(frozen=True)
class Reconstruction:
    """The images of an attack that selects among several methods.

    Attributes:
        images: the answer, (N, C, H, W) in [0, 1].
        selected: the name of the member that gave it.
        members: the answer of each member, by name.

    Example:
        >>> dark, gray = torch.zeros(2, 1, 8, 8), torch.full((2, 1, 8, 8), 0.5)
        >>> answer = Reconstruction(gray, "gray", {"dark": dark, "gray": gray})
        >>> answer.validate((2, 1, 8, 8)).selected
        'gray'
    """

    images: Tensor
    selected: str = ""
    members: dict[str, Tensor] = field(default_factory=dict)

    @classmethod
    def of(cls, answer: Tensor | Reconstruction) -> Reconstruction:
        """Return what an attack has returned as a reconstruction, unchecked; plain images have no members."""
        return answer if isinstance(answer, Reconstruction) else cls(answer)

    def validate(self, shape: Sequence[int]) -> Reconstruction:
        """Return a copy whose images are dense float32 tensors, and whose names are printable.

        Args:
            shape: the expected shape, (N, C, H, W).

        Raises:
            InvalidReconstruction: if the images, or those of a member, have another shape or type, are not finite, or
                leave [0, 1].
        """
        members = {clean(str(name)): _valid(images, tuple(shape)) for name, images in self.members.items()}
        return Reconstruction(_valid(self.images, tuple(shape)), clean(str(self.selected)), members)


def _valid(images: Tensor, shape: tuple[int, ...]) -> Tensor:
    if not isinstance(images, Tensor):
        raise InvalidReconstruction(f"the attack returned {clean(type(images).__name__)}; expected images {shape}")
    with torch.no_grad(), torch._C.DisableTorchFunctionSubclass():
        if tuple(images.shape) != shape:
            raise InvalidReconstruction(f"the attack returned {tuple(images.shape)}; expected images {shape}")
        if images.layout is not torch.strided or images.is_meta or not images.is_floating_point():
            found = "a tensor without numbers" if images.is_meta else f"a {images.layout} tensor of {images.dtype}"
            raise InvalidReconstruction(f"the attack returned {found}; expected a dense tensor of float32")
        plain = images.detach().as_subclass(Tensor).to(torch.float32, copy=True)
    low, high = plain.min().item(), plain.max().item()
    if not (torch.isfinite(plain).all() and low >= -SLACK and high <= 1 + SLACK):
        raise InvalidReconstruction(
            f"the attack returned values in [{low:g}, {high:g}]; expected finite values in [0, 1]"
        )
    return plain
