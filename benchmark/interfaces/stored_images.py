"""Images that do not fit into memory: 8-bit values on disk that behave as a tensor of floats."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils._pytree import tree_map

from .pixel_sources import PixelFile, PixelSource

ATEN = torch.ops.aten
CREATORS = (
    *(ATEN.new_empty.default, ATEN.new_zeros.default, ATEN.new_ones.default, ATEN.new_full.default),
    *(ATEN.empty_like.default, ATEN.zeros_like.default, ATEN.ones_like.default, ATEN.full_like.default),
    *(ATEN.rand_like.default, ATEN.randn_like.default, ATEN.randint_like.default),
)
"""Operations that make a new tensor like another without its values."""
READ_ONLY = "Stored images cannot be changed in place. Use images.clone() to change a copy."
PART_BYTES = 2**26
"""The size in bytes of the floats that are read at a time if all images are averaged."""


class StoredImages(Tensor):
    """Represent images (N, C, H, W) float32 in [0, 1] that stay on disk as 8-bit values.

    Selecting images by their positions, as ``images[batch]`` does, reads them. A slice and the parts of ``split`` are
    stored images again. Mean, standard deviation, minimum and maximum over all images are computed part by part. Any
    other operation reads all images first. Stored images cannot be changed in place.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     np.save(f"{folder}/images.npy", np.zeros((9, 1, 8, 8), np.uint8))
        ...     stored = StoredImages.open(Path(folder, "images.npy"))
        ...     stored[torch.tensor([3, 5])].shape
        torch.Size([2, 1, 8, 8])
    """

    source: PixelSource
    rows: Tensor
    """The positions of the images in the source, (N,) int64."""

    @staticmethod
    def __new__(cls, source: PixelSource, rows: Tensor, device: torch.device) -> StoredImages:
        """Represent images of a source, given by their positions (N,), as a tensor on a device."""
        made = Tensor._make_wrapper_subclass(  # pyright: ignore[reportAttributeAccessIssue]
            cls, (len(rows), *source.shape[1:]), dtype=torch.float32, device=device
        )
        made.source, made.rows = source, rows
        return made

    @staticmethod
    def open(path: Path) -> StoredImages:
        """Open all images of a ``.npy`` file, (N, C, H, W) uint8.

        Raises:
            ValueError: If the file does not hold such images.
        """
        file = PixelFile.open(path)
        return StoredImages(file, torch.arange(file.shape[0]), torch.device("cpu"))

    def at(self, positions: Tensor) -> StoredImages:
        """Select images by their positions (K,) among these images, without reading them."""
        return StoredImages(self.source, self.rows[positions], self.device)

    def pixels(self) -> Tensor:
        """Read all images as 8-bit values, (N, C, H, W) uint8 on the CPU."""
        return self.source.read(self.rows)

    def dense(self) -> Tensor:
        """Read all images as floats, (N, C, H, W) float32 in [0, 1]."""
        return self.pixels().to(self.device).float().div_(255)

    def parts(self) -> list[StoredImages]:
        """Divide the images into parts that fit into memory."""
        size = max(1, PART_BYTES // (4 * self[:1].numel()))
        return [self.at(positions) for positions in torch.arange(len(self)).split(size)]

    def numpy(self, *, force: bool = False) -> NDArray[Any]:
        """Read all images as an array, (N, C, H, W) float32."""
        return self.dense().numpy(force=force)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return np.asarray(self.dense().cpu(), dtype=dtype)

    def tolist(self) -> Any:
        """Read all images as nested lists."""
        return self.dense().tolist()

    def __setitem__(self, index: Any, value: Any) -> None:
        raise RuntimeError(READ_ONLY)

    def __deepcopy__(self, memo: object) -> StoredImages:
        return self

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        return StoredImages, (self.source, self.rows, self.device)

    def __repr__(self, **_: Any) -> str:
        return f"StoredImages({tuple(self.shape)})"

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        own = _WITHOUT_READING_ALL.get(func)
        answer = own(*args, **kwargs or {}) if own and isinstance(args[0], StoredImages) else NotImplemented
        if answer is not NotImplemented:
            return answer
        if func._schema.is_mutable:
            raise RuntimeError(READ_ONLY)
        args, kwargs = tree_map(
            lambda value: value.dense() if isinstance(value, StoredImages) else value, (args, kwargs)
        )
        return func(*args, **kwargs or {})


def _slice(images: StoredImages, dim: int = 0, start: int | None = None, end: int | None = None, step: int = 1) -> Any:
    return images.at(torch.arange(len(images.rows))[slice(start, end, step)]) if dim == 0 else NotImplemented


def _split(images: StoredImages, size: int, dim: int = 0) -> Any:
    return (
        [images.at(positions) for positions in torch.arange(len(images.rows)).split(size)]
        if dim == 0
        else NotImplemented
    )


def _index(images: StoredImages, indices: list[Tensor | None]) -> Any:
    if len(indices) != 1 or indices[0] is None or indices[0].dim() != 1:
        return NotImplemented
    return images.at(indices[0].cpu()).dense()


def _select(images: StoredImages, dim: int, index: int) -> Any:
    return images.at(torch.tensor([index])).dense()[0] if dim == 0 else NotImplemented


def _of_other_values(create: Any) -> Callable[..., Any]:
    """Return an operation that takes over at most the size, type and device of images, but no value."""

    def created(images: StoredImages, *args: Any, **kwargs: Any) -> Any:
        return create(torch.empty(1, device=images.device).expand(images.shape), *args, **kwargs)

    return created


def _same(images: StoredImages) -> Any:
    return images.at(torch.arange(len(images.rows)))


def _to(images: StoredImages, *, dtype: torch.dtype | None = None, device: Any = None, **rest: Any) -> Any:
    if dtype not in (None, torch.float32) or device is None:
        return NotImplemented
    return StoredImages(images.source, images.rows, torch.device(device))


def _over_images(dim: list[int] | None) -> bool:
    """Return whether a reduction includes the dimension of the images, so that it can be computed part by part."""
    return dim is None or 0 in dim


def _sum(parts: Iterator[Tensor], dim: list[int] | None, keepdim: bool) -> Tensor:
    """Add up values over parts of the images and over ``dim``, in double precision."""
    sums = [part.double().sum(dim, keepdim) for part in parts]
    return torch.stack(sums).sum(0)


def _mean(
    images: StoredImages, dim: list[int] | None = None, keepdim: bool = False, *, dtype: torch.dtype | None = None
) -> Any:
    if not _over_images(dim):
        return NotImplemented
    total = _sum((part.dense() for part in images.parts()), dim, keepdim)
    return (total * (total.numel() / images.numel())).to(dtype or images.dtype)


def _std(
    images: StoredImages, dim: list[int] | None = None, *, correction: float | None = None, keepdim: bool = False
) -> Any:
    if not _over_images(dim):
        return NotImplemented
    mean = _mean(images, dim, True, dtype=torch.float64)
    total = _sum(((part.dense() - mean).square() for part in images.parts()), dim, keepdim)
    count = images.numel() / total.numel() - (1 if correction is None else correction)
    return (total / count).sqrt().to(images.dtype)


def _min(images: StoredImages) -> Any:
    return torch.stack([part.dense().min() for part in images.parts()]).min()


def _max(images: StoredImages) -> Any:
    return torch.stack([part.dense().max() for part in images.parts()]).max()


_WITHOUT_READING_ALL: dict[Any, Callable[..., Any]] = {
    ATEN.slice.Tensor: _slice,
    ATEN.split.Tensor: _split,
    ATEN.index.Tensor: _index,
    ATEN.select.int: _select,
    ATEN.detach.default: _same,
    ATEN.alias.default: _same,
    ATEN._to_copy.default: _to,
    ATEN.mean.dim: _mean,
    ATEN.mean.default: _mean,
    ATEN.std.correction: _std,
    ATEN.min.default: _min,
    ATEN.max.default: _max,
    **{create: _of_other_values(create) for create in CREATORS},
}
