"""Locks between processes that use the same files."""

from __future__ import annotations

import errno
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from filelock import BaseFileLock, FileLock, Timeout

LOCK_NOTICE_SECONDS = 10
"""Seconds of waiting for a lock after which a warning is logged."""

LOCKS_UNSUPPORTED = frozenset({errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOTSUP})
"""Error numbers of ``flock`` on a file system that does not support locks."""


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
