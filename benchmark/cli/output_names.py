"""Names of the files that commands write."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..errors import UsageError

PAGE_SUFFIXES = (".html", ".htm")


def require_suffix(path: Path, suffixes: Sequence[str], option: str = "--out") -> None:
    """Check that the name of a file ends as its format does, before anything is computed.

    Args:
        path: The file.
        suffixes: The allowed endings, of which the message names all.
        option: The option that names the file.

    Raises:
        UsageError: If the name has another ending.
    """
    if path.suffix not in suffixes:
        allowed = " or ".join(filter(None, (", ".join(suffixes[:-1]), suffixes[-1])))
        raise UsageError(f"Expected a file name that ends in {allowed} for {option}, got {path}. Choose another name.")
