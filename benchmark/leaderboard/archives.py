"""Read ZIP files of strangers, without extracting anything to a path that they name."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

from ..errors import UsageError
from ..utils.files import MAX_FILE_BYTES, ZIP_ERRORS
from ..utils.texts import quoted

AGAIN = "Write it again with `mia-bench submit`."
MAX_MEMBERS = 200_001
MAX_TOTAL_BYTES = 4 * MAX_FILE_BYTES
MAX_RATIO = 200
"""Compression ratio from which a file is refused: JSON and CSV compress 5 to 30 times."""


def read_archive(path: Path, *, allowed: re.Pattern[str]) -> dict[str, bytes]:
    """Read all files of a submission into memory.

    Args:
        path: The ZIP file.
        allowed: The names that its files may have.

    Raises:
        UsageError: If it is not a ZIP file, or holds a file with another name, twice, damaged, or of an unusual size.

    Example:
        >>> read_archive(Path("submission.zip"), allowed=re.compile("plan.json"))  # doctest: +SKIP
    """
    try:
        with zipfile.ZipFile(path) as archive:
            return dict(_members(archive, path, allowed))
    except FileNotFoundError:
        raise UsageError(f"Expected a submission, got {path}, which does not exist. Check the path.") from None
    except IsADirectoryError:
        raise UsageError(f"Expected a submission, which is a file, got the folder {path}. {AGAIN}") from None
    except ZIP_ERRORS as error:
        raise UsageError(
            f"Expected a submission that `mia-bench submit` wrote, got {path}: {error}. {AGAIN}"
        ) from error


def _members(archive: zipfile.ZipFile, path: Path, allowed: re.Pattern[str]) -> Iterator[tuple[str, bytes]]:
    """Read the files of an archive, each at most once and up to the limits."""
    entries, seen, total = archive.infolist(), set(), 0
    if len(entries) > MAX_MEMBERS:
        raise UsageError(f"Expected at most {MAX_MEMBERS:,} files in {path}, got {len(entries):,}. {AGAIN}")
    for entry in entries:
        if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise UsageError(
                f"Expected files that are stored or deflated in {path}, got {quoted(entry.filename)}. {AGAIN}"
            )
        if not allowed.fullmatch(entry.filename):
            raise UsageError(
                f"Expected only records, strips and a leaderboard in {path}, got {quoted(entry.filename)}. {AGAIN}"
            )
        if entry.filename in seen:
            raise UsageError(f"Expected each file once in {path}, got {quoted(entry.filename)} twice. {AGAIN}")
        seen.add(entry.filename)
        total += entry.file_size
        if total > MAX_TOTAL_BYTES or entry.file_size > max(2**20, MAX_RATIO * entry.compress_size):
            raise UsageError(
                f"Expected files of a usual size in {path}, got {quoted(entry.filename)}, which is too large. {AGAIN}"
            )
        with archive.open(entry) as stream:
            content = stream.read(entry.file_size + 1)
        if len(content) != entry.file_size:
            raise UsageError(
                f"Expected {entry.file_size} bytes of {quoted(entry.filename)} in {path}, got others. {AGAIN}"
            )
        yield entry.filename, content
