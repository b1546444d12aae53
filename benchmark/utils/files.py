"""Files that may come from anywhere: only regular ones are read, within a limit, and what is wrong is one sentence."""

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
from typing import Any

from filelock import BaseFileLock, FileLock, Timeout
from pydantic_core import from_json

from .texts import one_line

LARGEST = 512 * 2**20
"""Bytes of the largest file that is read."""


class Unreadable(Exception):
    """A file cannot be read; the message says why and goes on a sentence that names the file."""


def read_bytes(path: Path) -> bytes:
    """Read a regular file; a named pipe or a device would never end.

    Raises:
        Unreadable: if it is none, is too large, or cannot be read.
    """
    try:
        facts = path.stat()
        if stat.S_ISDIR(facts.st_mode):
            raise Unreadable("it is a folder, not a file")
        if not stat.S_ISREG(facts.st_mode):
            raise Unreadable("it is not a regular file")
        if facts.st_size > LARGEST:
            raise Unreadable(f"it has {facts.st_size / 2**20:.0f} MiB; at most {LARGEST / 2**20:.0f} are read")
        return path.read_bytes()
    except FileNotFoundError:
        raise Unreadable("there is no such file") from None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise Unreadable(getattr(error, "strerror", None) or str(error)) from error


def read_text(path: Path) -> str:
    """Read a text in UTF-8, with or without a byte-order mark.

    Raises:
        Unreadable: if it is not a text, or cannot be read.
    """
    content = read_bytes(path)
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise Unreadable("it is encoded in UTF-16; save it in UTF-8")
    if b"\0" in content:
        raise Unreadable("it is not a text: it holds zero bytes")
    try:
        return content.decode().removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        raise Unreadable(f"it is not encoded in UTF-8 (byte {error.start}); save it in UTF-8") from error


def read_json(path: Path) -> Any:
    """Read JSON.

    Raises:
        Unreadable: if it is not JSON, or is nested too deeply.
    """
    text = read_text(path)
    try:
        return from_json(text)
    except ValueError as error:
        raise Unreadable(f"it is not JSON: {one_line(str(error))}") from error


def read_toml(path: Path) -> dict[str, Any]:
    """Read TOML.

    Raises:
        Unreadable: if it is not TOML.
    """
    text = read_text(path)
    try:
        return tomllib.loads(text)
    except RecursionError as error:
        raise Unreadable("it is nested too deeply") from error
    except ValueError as error:
        raise Unreadable(f"it is not TOML: {one_line(str(error))}") from error


PATIENCE_SECONDS = 10
"""How long to wait for a lock before saying so."""

NO_LOCKS = frozenset({errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOTSUP})
"""What ``flock`` fails with on a file system that does not support it."""


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file so that readers see either the old content or the new, also after a crash."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as scratch:
        try:
            scratch.write(content)
            scratch.flush()
            os.fsync(scratch.fileno())
            os.chmod(scratch.name, 0o644)
            os.replace(scratch.name, path)
        except BaseException:
            Path(scratch.name).unlink(missing_ok=True)
            raise


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock that goes with ``path`` against other processes.

    On a file system without locks the work is done without one: files are still written atomically, but two processes
    may compute the same thing.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path.with_name(f".{path.name}.lock"), fallback_to_soft=False)
    try:
        _acquire(lock)
    except OSError as error:
        if error.errno not in NO_LOCKS:
            raise
        _warn_of_no_locks(path.parent)
    try:
        yield
    finally:
        lock.release()


def _acquire(lock: BaseFileLock) -> None:
    try:
        lock.acquire(timeout=PATIENCE_SECONDS)
    except Timeout:
        logging.getLogger(__name__).warning("Waiting for another process to release %s.", lock.lock_file)
        lock.acquire()


@cache
def _warn_of_no_locks(folder: Path) -> None:
    logging.getLogger(__name__).warning(
        "The file system of %s does not support locks. Processes that share it may compute the same thing twice.",
        folder,
    )
