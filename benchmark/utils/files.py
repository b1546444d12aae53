"""Safe reading of files from any source, and atomic writing. Only regular files of limited size are read."""

from __future__ import annotations

import codecs
import errno
import logging
import os
import stat
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO, Any

from filelock import BaseFileLock, FileLock, Timeout
from pydantic_core import from_json

from ..errors import UsageError
from .texts import one_line

MAX_FILE_BYTES = 512 * 2**20
"""Bytes of the largest file that is read."""


class Unreadable(Exception):
    """Raised for a file that cannot be read. The message gives the reason and a remedy, without the name of the file.

    Attributes:
        reason: The reason alone, for callers that know a better remedy.

    Example:
        >>> read_bytes(Path("/nowhere"))
        Traceback (most recent call last):
        mia_bench.benchmark.utils.files.Unreadable: The file does not exist. Check the path.
    """

    def __init__(self, reason: str, remedy: str) -> None:
        super().__init__(f"{reason} {remedy}")
        self.reason = reason


def read_bytes(path: Path) -> bytes:
    """Read a regular file. A named pipe or a device is refused, since it might never end.

    Raises:
        Unreadable: If the path is not a regular file, the file is too large, or it cannot be read.
    """
    try:
        facts = path.stat()
        if stat.S_ISDIR(facts.st_mode):
            raise Unreadable("It is a folder.", "Give the path of a file.")
        if not stat.S_ISREG(facts.st_mode):
            raise Unreadable("It is not a regular file.", "Save its content in one, and give that.")
        if facts.st_size > MAX_FILE_BYTES:
            size = f"Expected at most {MAX_FILE_BYTES / 2**20:.0f} MiB, got {facts.st_size / 2**20:.0f} MiB."
            raise Unreadable(size, "Give a smaller file.")
        return path.read_bytes()
    except FileNotFoundError:
        raise Unreadable("The file does not exist.", "Check the path.") from None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise Unreadable(
            f"{getattr(error, 'strerror', None) or error}.", "Check the path and its permissions."
        ) from error


def read_text(path: Path) -> str:
    """Read a text file in UTF-8, with or without a byte-order mark.

    Raises:
        Unreadable: If the file is not a text in UTF-8, or cannot be read.
    """
    content = read_bytes(path)
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise Unreadable("It is encoded in UTF-16.", "Save it in UTF-8.")
    if b"\0" in content:
        raise Unreadable("It is not a text file: it holds zero bytes.", "Save it as text in UTF-8.")
    try:
        return content.decode().removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        raise Unreadable(f"It is not encoded in UTF-8 (byte {error.start}).", "Save it in UTF-8.") from error


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Raises:
        Unreadable: If the file is not JSON, is nested too deeply, or cannot be read.
    """
    text = read_text(path)
    try:
        return from_json(text)
    except ValueError as error:
        raise Unreadable(f"It is not JSON: {one_line(str(error))}.", "Correct it.") from error


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file.

    Raises:
        Unreadable: If the file is not TOML, is nested too deeply, or cannot be read.
    """
    text = read_text(path)
    try:
        return tomllib.loads(text)
    except RecursionError as error:
        raise Unreadable("It is nested too deeply.", "Use fewer levels of tables and lists.") from error
    except ValueError as error:
        raise Unreadable(f"It is not TOML: {one_line(str(error))}.", "Correct it.") from error


LOCK_NOTICE_SECONDS = 10
"""Seconds of waiting for a lock after which a warning is logged."""

LOCKS_UNSUPPORTED = frozenset({errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOTSUP})
"""Error numbers of ``flock`` on a file system that does not support locks."""


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


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn errors of the file system in a block that writes ``path`` into one sentence.

    Raises:
        UsageError: If it cannot be written, for example because the disk is full.
    """
    try:
        yield
    except OSError as error:
        raise UsageError(
            f"Cannot write {path}: {error.strerror or error}. Check its permissions and the free space, or choose "
            "another path."
        ) from error


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file so that readers see either the old content or the new content, even after a crash."""
    with atomic_file(path) as file:
        file.write(content)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock of ``path`` against other processes inside the block.

    On a file system that does not support locks, the block runs without one: files are still written atomically, but
    two processes may compute the same thing.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path.with_name(f".{path.name}.lock"), fallback_to_soft=False)
    try:
        _acquire(lock)
    except OSError as error:
        if error.errno not in LOCKS_UNSUPPORTED:
            raise
        _warn_of_no_locks(path.parent)
    try:
        yield
    finally:
        lock.release()


def _acquire(lock: BaseFileLock) -> None:
    try:
        lock.acquire(timeout=LOCK_NOTICE_SECONDS)
    except Timeout:
        logging.getLogger(__name__).warning("Waiting for another process to release %s.", lock.lock_file)
        lock.acquire()


@cache
def _warn_of_no_locks(folder: Path) -> None:
    logging.getLogger(__name__).warning(
        "The file system of %s does not support locks. Processes that share it may compute the same thing twice.",
        folder,
    )
