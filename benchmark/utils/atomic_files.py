"""Atomic writing of files: readers see either the old content or the new content, even after a crash."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile, TemporaryDirectory
from typing import IO

from ..errors import UsageError


@contextmanager
def atomic_file(path: Path) -> Iterator[IO[bytes]]:
    """Open a new file so that readers see either the old content or the new content, even after a crash.

    The file gets its name at the end of the block, and is removed if the block raises.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as scratch:
        try:
            yield scratch
            scratch.flush()
            os.fsync(scratch.fileno())
            os.chmod(scratch.name, 0o644)
            os.replace(scratch.name, path)
        except BaseException:
            Path(scratch.name).unlink(missing_ok=True)
            raise


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file so that readers see either the old content or the new content, even after a crash."""
    with atomic_file(path) as file:
        file.write(content)


@contextmanager
def writing(path: Path, what: str = "", remedy: str = "") -> Iterator[None]:
    """Turn errors of the file system in a block that writes ``path`` into one sentence and a remedy.

    Args:
        path: The file or folder.
        what: What is written, with ``path``. Empty: the path alone.
        remedy: What to do. Empty: to check the permissions and the free space.

    Raises:
        UsageError: If it cannot be written, for example because the disk is full.
    """
    try:
        yield
    except OSError as error:
        advice = remedy or "Check its permissions and the free space, or choose another path."
        raise UsageError(f"Cannot write {what or path}: {error.strerror or error}. {advice}") from error


def check_writable(folder: Path, remedy: str = "") -> None:
    """Check that files can be written into a folder, which need not exist, and leave nothing behind.

    Args:
        folder: The folder.
        remedy: What to do. Empty: to check the permissions and the free space.

    Raises:
        UsageError: If the folder cannot be created or written.
    """
    there = next(each for each in (folder, *folder.parents) if os.path.lexists(each))
    with writing(folder, remedy=remedy), TemporaryDirectory(prefix=".probe-", dir=there) as probe:
        Path(probe, folder.relative_to(there)).mkdir(parents=True, exist_ok=True)


def write_output(path: Path, content: bytes) -> Path:
    """Write a file whose path a user has given, as ``write_atomically`` does, and return the path.

    Raises:
        UsageError: If the file cannot be written.
    """
    with writing(path):
        write_atomically(path, content)
    return path
