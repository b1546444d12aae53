"""Hashes of the files of plug-ins, by which an edited one is recognized."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import cache
from pathlib import Path

from .cells import Cell


def code_on_disk(path: str) -> str:
    """Return a short hash of a file as it is now; empty if it cannot be read, as in an archive.

    Example:
        >>> code_on_disk("")
        ''
    """
    try:
        return hashlib.sha256(Path(path).read_bytes()).hexdigest()[:12] if path else ""
    except OSError:
        return ""


@cache
def loaded_code(path: str) -> str:
    """Return a short hash of a file as it was when this process asked for it first, which is when it imported it."""
    return code_on_disk(path)


def plugin_code(cell: Cell, read: Callable[[str], str]) -> dict[str, str]:
    """Return the hash of the file of each plug-in that takes part in a cell, by its kind and name.

    Args:
        cell: The cell.
        read: ``code_on_disk`` or ``loaded_code``.
    """
    found = {f"{each.entry.noun} {each.name}": read(each.source) for each in cell.components}
    return {name: code for name, code in found.items() if code}


def noted_code(codes: dict[str, str]) -> str:
    """Return hashes as records note them.

    Example:
        >>> noted_code({"attack mine": "0123", "defense yours": "4567"})
        'attack mine 0123, defense yours 4567'
    """
    return ", ".join(f"{name} {code}" for name, code in codes.items())
