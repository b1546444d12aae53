"""Named tensors in a safetensors file that also holds their checksum, so that changes of the file are detected."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from ..errors import Diverged

CHECKSUM_KEY = "sha256"
"""Name of the checksum in the metadata of a file. Of the hashes in hashlib, processors compute SHA-256 fastest."""


def pack(tensors: Mapping[str, Tensor]) -> bytes:
    """Serialize tensors with their checksum."""
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    return save(plain, metadata={CHECKSUM_KEY: checksum(plain)})


def trained(tensors: Mapping[str, Tensor], what: str, remedy: str) -> dict[str, Tensor]:
    """Return what a training has ended with, if it has not diverged.

    Args:
        tensors: The weights.
        what: What was trained.
        remedy: What to do if it has diverged.

    Raises:
        Diverged: If a value is NaN or infinite.
    """
    for name, tensor in tensors.items():
        if tensor.is_floating_point() and not tensor.isfinite().all():
            raise Diverged(
                f"Expected finite values, got NaN or infinity in {name}: the training of {what} diverged. {remedy}"
            )
    return dict(tensors)


def read(path: Path) -> dict[str, Tensor] | None:
    """Read the tensors of a file. Return None if it has no checksum, as in files of earlier versions.

    Raises:
        SafetensorError: If the file is damaged, or its tensors do not match its checksum.
    """
    with safe_open(path, framework="pt") as file:
        expected = (file.metadata() or {}).get(CHECKSUM_KEY)
        if expected is None:
            return None
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - it has no __iter__
    if checksum(tensors) != expected:
        raise SafetensorError("Its tensors do not match its checksum.")
    return tensors


def checksum(tensors: Mapping[str, Tensor]) -> str:
    """Return the SHA-256 hash, in hexadecimal, of the names, types, shapes and values of tensors on the CPU."""
    content = hashlib.sha256()
    for name, tensor in sorted(tensors.items()):
        content.update(f"{name} {tensor.dtype} {tuple(tensor.shape)} ".encode())
        content.update(tensor.contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return content.hexdigest()
