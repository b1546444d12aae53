"""The splits of torchvision's datasets, from the user's folder or by download."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor
from torchvision.datasets import CIFAR10, MNIST

from ..errors import UsageError
from ..utils.cache import cache_dir
from ..utils.files import locked
from ._division import Split

_DAMAGED = (RuntimeError, ValueError, TypeError, KeyError, AssertionError, OSError)
"""What torchvision's readers raise for a file that is cut short or is something else."""


def read_splits(
    source: type[MNIST] | type[CIFAR10], *, files: Sequence[str], data_dir: Path | None
) -> tuple[Split, Split]:
    """Read the training and the test split, without any network if the user says where they are.

    They are not cached once more: to decode them is to copy them.

    Args:
        source: torchvision's class.
        files: what must be in the folder, relative to it.
        data_dir: the user's folder; None to keep a downloaded copy in the cache.

    Raises:
        UsageError: if files are missing or damaged, or cannot be downloaded.
    """
    root = data_dir if data_dir is not None else _downloaded(source)
    missing = [file for file in files if not (root / file).is_file()]
    if missing:
        raise UsageError(
            f"{source.__name__} is not in {root}: {len(missing)} of its {len(files)} files are missing, the first "
            f"being {missing[0]}; {_mend(root, missing)}"
        )
    try:
        train, test = (source(str(root), train=train) for train in (True, False))
    except _DAMAGED as error:
        raise UsageError(
            f"{source.__name__} in {root} is damaged ({_first_line(error)}); delete {root / Path(files[0]).parts[0]} "
            "and fetch it again"
        ) from error
    return _split(train, root), _split(test, root)


def _mend(root: Path, missing: Sequence[str]) -> str:
    """What to do, by what is there instead of the missing files."""
    first, inside = Path(missing[0]), root.resolve()
    for depth, above in zip(range(1, len(first.parts)), inside.parents, strict=False):
        if inside.parts[-depth:] == first.parts[:depth]:  # it is a folder of the layout itself
            return f"give --data-dir {above}, which holds it"
    for place in (root / first.parent, root):
        packed = [path for path in (place / f"{first.name}.gz", place / "cifar-10-python.tar.gz") if path.is_file()]
        if packed:
            tool = "tar -xzf" if packed[0].name.endswith(".tar.gz") else "gunzip"
            return f"unpack {packed[0]} and the like with {tool}, into {root / first.parent}"
    if (root / first.name).is_file():
        return f"move them from {root} to {root / first.parent}"
    return "give --data-dir the folder that holds them, or leave it out to download them"


def _downloaded(source: type[MNIST] | type[CIFAR10]) -> Path:
    root = cache_dir() / "data"
    try:
        with locked(root / source.__name__):
            source(str(root), download=True)
    except (RuntimeError, OSError) as error:
        raise UsageError(
            f"{source.__name__} is neither in {root} nor could it be downloaded ({_first_line(error)}); connect to a "
            "network, or give --data-dir a folder that holds it in torchvision's layout"
        ) from error
    return root


def _split(source: MNIST | CIFAR10, root: Path) -> Split:
    images = torch.as_tensor(source.data)
    labels = torch.as_tensor(source.targets, dtype=torch.int64)
    if len(images) != len(labels) or not len(images) or not 0 <= int(labels.min()) <= int(labels.max()) < 10:
        raise UsageError(
            f"{type(source).__name__} in {root} is damaged: {len(images)} images have {len(labels)} labels, and labels "
            "must be from 0 to 9, one for each image"
        )
    return Split(_channels_first(images), labels)


def _channels_first(images: Tensor) -> Tensor:
    if images.ndim == 3:
        return images.unsqueeze(1)  # (N, H, W) to (N, 1, H, W)
    return images.permute(0, 3, 1, 2).contiguous()  # (N, H, W, C) to (N, C, H, W)


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)
