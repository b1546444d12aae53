"""Conversion between SEAL's objects and bytes.

The Python binding of SEAL reads and writes named files only. These files are in memory if the system supports that.
Secret keys are never written.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import tenseal.sealapi as seal


def to_bytes(value: Any) -> bytes:
    """Serialize a ciphertext or evaluation keys.

    Raises:
        TypeError: If the value is a secret key.
    """
    if isinstance(value, seal.SecretKey):
        raise TypeError("Expected a ciphertext or evaluation keys, got a secret key, which is never written.")
    with _memory() as (descriptor, path):
        value.save(path)
        os.lseek(descriptor, 0, os.SEEK_SET)
        with os.fdopen(os.dup(descriptor), "rb") as file:
            return file.read()


def from_bytes(kind: type[Any], context: Any, data: bytes) -> Any:
    """Read an object of SEAL's class ``kind``: ``Ciphertext``, ``GaloisKeys`` or ``RelinKeys``.

    Raises:
        ValueError: If the bytes are damaged, or belong to other parameters.
    """
    value = kind()
    with _memory() as (descriptor, path):
        with os.fdopen(os.dup(descriptor), "wb") as file:
            file.write(data)
        try:
            value.load(context, path)
        except (RuntimeError, ValueError) as error:
            raise ValueError(
                f"Expected a {kind.__name__} under these parameters, got {len(data)} other bytes: {error}."
            ) from error
    return value


@contextmanager
def _memory() -> Iterator[tuple[int, str]]:
    """Open a temporary file, in memory if possible, and give its descriptor and path."""
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("mia-bench")
        try:
            yield descriptor, f"/proc/self/fd/{descriptor}"
        finally:
            os.close(descriptor)
    else:
        with tempfile.NamedTemporaryFile() as file:
            yield file.fileno(), file.name
