"""The return value of an attack, and its validation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from ..errors import clean

SLACK = 1e-6
"""The largest distance from [0, 1] of a pixel that counts as a rounding error."""


class InvalidReconstruction(Exception):
    """Raised if an attack does not return one image with values in [0, 1] for each entry of the wire.

    Example:
        >>> Reconstruction(torch.ones(2, 1, 8, 8)).validate((3, 1, 8, 8))  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        mia_bench.benchmark.interfaces.reconstruction.InvalidReconstruction: ...
    """


@dataclass(frozen=True)
class Reconstruction:
    """Hold the images of an attack that selects among several methods.

    Attributes:
        images: The reconstructed images, (N, C, H, W) in [0, 1].
        selected: The name of the method that produced them.
        members: The images of each method, (N, C, H, W) in [0, 1], by its name.
        selected_by_ssim: The name of the member that SSIM and ``recognisable`` are computed of. Empty, the default,
            means that they are computed of ``images``, as all other scores.
        samples: Images that explain the wires equally well, drawn at random, (S, N, C, H, W) in [0, 1]. The record
            then says how much they differ. None, the default, if none were drawn.

    Example:
        >>> dark, gray = torch.zeros(2, 1, 8, 8), torch.full((2, 1, 8, 8), 0.5)
        >>> answer = Reconstruction(gray, "gray", {"dark": dark, "gray": gray})
        >>> answer.validate((2, 1, 8, 8)).selected
        'gray'
    """

    images: Tensor
    selected: str = ""
    members: dict[str, Tensor] = field(default_factory=dict)
    selected_by_ssim: str = ""
    samples: Tensor | None = None

    @property
    def similar(self) -> Tensor:
        """The images (N, C, H, W) that SSIM and ``recognisable`` are computed of."""
        return self.members[self.selected_by_ssim] if self.selected_by_ssim else self.images

    @classmethod
    def of(cls, answer: Tensor | Reconstruction) -> Reconstruction:
        """Return what an attack has returned as a reconstruction, without checks. Plain images have no members."""
        return answer if isinstance(answer, Reconstruction) else cls(answer)

    def validate(self, shape: Sequence[int]) -> Reconstruction:
        """Return a copy whose images are dense float32 tensors, and whose names are printable.

        Args:
            shape: The expected shape, (N, C, H, W).

        Raises:
            InvalidReconstruction: If the images, those of a member, or samples have another shape or type, are not
                finite, or have values outside [0, 1], or if ``selected_by_ssim`` names a member that does not exist.
        """
        members = {clean(str(name)): _valid(images, tuple(shape)) for name, images in self.members.items()}
        by_ssim = clean(str(self.selected_by_ssim))
        if by_ssim and by_ssim not in members:
            raise InvalidReconstruction(
                f"Expected selected_by_ssim to be one of the members {', '.join(members) or '(none)'}, got {by_ssim!r}."
            )
        images = _valid(self.images, tuple(shape))
        drawn = self.samples.shape[:1] if isinstance(self.samples, Tensor) else ()
        samples = None if self.samples is None else _valid(self.samples, (*drawn, *shape))
        return Reconstruction(images, clean(str(self.selected)), members, by_ssim, samples)


def _valid(images: Tensor, shape: tuple[int, ...]) -> Tensor:
    if not isinstance(images, Tensor):
        found = clean(type(images).__name__)
        raise InvalidReconstruction(f"Expected a tensor of images {shape} from the attack, got {found}.")
    with torch.no_grad(), torch._C.DisableTorchFunctionSubclass():
        if tuple(images.shape) != shape:
            raise InvalidReconstruction(f"Expected images {shape} from the attack, got {tuple(images.shape)}.")
        if images.layout is not torch.strided or images.is_meta or not images.is_floating_point():
            layout = "" if images.layout is torch.strided else f", {images.layout}"
            found = "one without numbers" if images.is_meta else f"{images.dtype}{layout}"
            raise InvalidReconstruction(f"Expected a dense tensor of floats in [0, 1] from the attack, got {found}.")
        plain = images.detach().as_subclass(Tensor).to(torch.float32, copy=True)
    if not ((plain >= -SLACK) & (plain <= 1 + SLACK)).all():
        raise InvalidReconstruction(f"Expected finite values in [0, 1] from the attack, got {range_of(plain)}.")
    return plain


def range_of(images: Tensor) -> str:
    """Describe the values of images (..., C, H, W): their range, or how many images have NaN.

    Example:
        >>> range_of(torch.tensor([0.5, 1.5]).view(2, 1, 1, 1)), range_of(torch.full((2, 1, 8, 8), torch.nan))
        ('values in [0.5, 1.5]', 'NaN in 2 of 2 images')
    """
    broken = images.isnan().flatten(-3).any(-1)  # (...)
    if broken.any():
        return f"NaN in {int(broken.sum())} of {broken.numel()} images"
    return f"values in [{images.min():g}, {images.max():g}]"
