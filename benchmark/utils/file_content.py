"""Hashes of the content of files."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel

DIGITS = 16


def digest_of(*paths: Path) -> str:
    """Hash the bytes of files, one after the other, into ``sha256:`` and 16 hexadecimal digits."""
    digest = hashlib.sha256()
    for path in paths:
        with path.open("rb") as opened:
            while chunk := opened.read(2**20):
                digest.update(chunk)
    return f"sha256:{digest.hexdigest()[:DIGITS]}"


def digests_of_named(values: Iterable[Any]) -> dict[str, str]:
    """Return the hash of each file whose path is among values or in them. Other paths are left out.

    Example:
        >>> digests_of_named([1.0, [Path("/nowhere")]])
        {}
    """
    found = {str(path): _present(path) for path in _paths(values)}
    return {path: digest for path, digest in sorted(found.items()) if digest}


def _paths(values: Iterable[Any]) -> Iterator[Path]:
    for value in values:
        if isinstance(value, Path):
            yield value
        elif isinstance(value, BaseModel):
            yield from _paths(vars(value).values())
        elif isinstance(value, Mapping):
            yield from _paths(value.values())
        elif isinstance(value, list | tuple | set | frozenset):
            yield from _paths(value)


def _present(path: Path) -> str:
    """Return the hash of a file; empty if there is none that can be read."""
    try:
        facts = path.stat()
        return _remembered(path.absolute(), facts.st_size, facts.st_mtime_ns) if path.is_file() else ""
    except (OSError, ValueError):  # ValueError: a NUL in the name
        return ""


@lru_cache(maxsize=64)
def _remembered(path: Path, size: int, changed: int) -> str:
    return digest_of(path)
