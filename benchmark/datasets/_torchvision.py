"""The training and test splits of torchvision's datasets, read from the user's folder or downloaded."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor
from torchvision.datasets import CIFAR10, MNIST

from ..errors import UsageError
from ..utils.cache import cache_dir
from ..utils.file_locks import locked
from ..utils.plurals import count_of, fitting
from ..utils.texts import as_typed
from ._division import RawImages

_READER_ERRORS = (RuntimeError, ValueError, TypeError, KeyError, AssertionError, OSError)
"""Errors that torchvision's readers raise for a file that is truncated or has another format."""


def idx_files(folder: str) -> list[str]:
    """Return the files of a dataset in the format of MNIST, relative to the folder of the data.

    Example:
        >>> idx_files("MNIST")[0]
        'MNIST/raw/train-images-idx3-ubyte'
    """
    contents = ("images-idx3-ubyte", "labels-idx1-ubyte")
    return [f"{folder}/raw/{split}-{content}" for split in ("train", "t10k") for content in contents]


def read_splits(
    source: type[MNIST] | type[CIFAR10], *, files: Sequence[str], data_dir: Path | None
) -> tuple[RawImages, RawImages]:
    """Read the training and the test split. The network is used only if ``data_dir`` is None.

    The decoded splits are not cached, since decoding them takes as long as copying them.

    Args:
        source: Dataset class of torchvision.
        files: Files that the folder must hold, relative to it.
        data_dir: The user's folder. None downloads a copy into the cache.

    Raises:
        UsageError: If files are missing or damaged, or cannot be downloaded.
    """
    root = data_dir if data_dir is not None else _downloaded(source)
    missing = [file for file in files if not (root / file).is_file()]
    if missing:
        raise UsageError(
            f"Expected {source.__name__} in {root}, but {len(missing)} of its {count_of(len(files), 'file')} "
            f"{fitting(len(missing), 'is', 'are')} missing, the first being {missing[0]}. {_advice(root, missing)}"
        )
    try:
        train, test = (source(str(root), train=train) for train in (True, False))
    except _READER_ERRORS as error:
        raise UsageError(
            f"{source.__name__} in {root} is damaged ({_first_line(error)}). Delete {root / Path(files[0]).parts[0]} "
            "and download it again."
        ) from error
    return _split(train, root), _split(test, root)


def _advice(root: Path, missing: Sequence[str]) -> str:
    """Return what to do about missing files, which depends on the files that are present."""
    first, inside = Path(missing[0]), root.resolve()
    for depth, above in zip(range(1, len(first.parts)), inside.parents, strict=False):
        if inside.parts[-depth:] == first.parts[:depth]:  # It is a folder inside the layout.
            return f"Give {as_typed('--data-dir', above)}, which holds it."
    for place in (root / first.parent, root):
        packed = [path for path in (place / f"{first.name}.gz", place / "cifar-10-python.tar.gz") if path.is_file()]
        if packed:
            tool = "tar -xzf" if packed[0].name.endswith(".tar.gz") else "gunzip"
            return f"Unpack {packed[0]} and similar files with {tool}, into {root / first.parent}."
    if (root / first.name).is_file():
        return f"Move them from {root} to {root / first.parent}."
    return "Give the folder that holds them with --data-dir, or leave it out to download them."


def _downloaded(source: type[MNIST] | type[CIFAR10]) -> Path:
    root = cache_dir() / "data"
    try:
        with locked(root / source.__name__):
            source(str(root), download=True)
    except (RuntimeError, OSError) as error:
        raise UsageError(
            f"{source.__name__} is not in {root} and could not be downloaded ({_first_line(error)}). Connect to a "
            "network, or give a folder that holds it in torchvision's layout with --data-dir."
        ) from error
    return root


def _split(source: MNIST | CIFAR10, root: Path) -> RawImages:
    images = torch.as_tensor(source.data)
    labels = torch.as_tensor(source.targets, dtype=torch.int64)
    if len(images) != len(labels) or not len(images) or not 0 <= int(labels.min()) <= int(labels.max()) < 10:
        raise UsageError(
            f"{type(source).__name__} in {root} is damaged: expected one label from 0 to 9 for each image, got "
            f"{count_of(len(labels), 'label')} for {count_of(len(images), 'image')}. Delete it and download it again."
        )
    return RawImages(_channels_first(images), labels)


def _channels_first(images: Tensor) -> Tensor:
    if images.ndim == 3:
        return images.unsqueeze(1)  # (N, H, W) to (N, 1, H, W)
    return images.permute(0, 3, 1, 2).contiguous()  # (N, H, W, C) to (N, C, H, W)


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__).removesuffix(":")
