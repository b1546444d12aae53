"""The disk cache: where it is, and how files get into it whole and only once."""

from __future__ import annotations

import errno
import hashlib
import json
import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

import platformdirs
from filelock import BaseFileLock, FileLock, Timeout
from safetensors import SafetensorError
from torch import Tensor

from ..errors import UsageError
from .checked_tensors import pack, read

PATIENCE_SECONDS = 10
"""How long to wait for a lock before saying so."""
NO_LOCKS = frozenset({errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOTSUP})
"""What ``flock`` fails with on a file system that does not support it."""


def cache_dir() -> Path:
    """Folder of decoded datasets and trained weights: ``$MIA_BENCH_CACHE``, or the platform's own cache folder.

    Raises:
        UsageError: if ``$MIA_BENCH_CACHE`` names the home folder of a user that does not exist.
    """
    given = os.environ.get("MIA_BENCH_CACHE")
    if not given or not given.strip():
        return Path(platformdirs.user_cache_dir("mia-bench"))
    try:
        return Path(given).expanduser()
    except RuntimeError as error:
        raise UsageError(f"Expected MIA_BENCH_CACHE to be a folder, got {given!r}: {error}") from error


def digest(identity: Any) -> str:
    """Hash a JSON-serializable identity into 16 hexadecimal digits."""
    canonical = json.dumps(identity, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]


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


Cached = Callable[[str, Any, Callable[[], dict[str, Tensor]]], dict[str, Tensor]]
"""``cached_tensors``, or something in its place."""


def cache_name(kind: str, identity: Any) -> str:
    """The name that tensors have in a cache."""
    return f"{kind}/{digest(identity)}"


def is_cached(kind: str, identity: Any) -> bool:
    """Whether the tensors of an identity are in the cache."""
    return cache_path(kind, identity).exists()


def cached_tensors(kind: str, identity: Any, compute: Callable[[], dict[str, Tensor]]) -> dict[str, Tensor]:
    """Return named tensors from the cache, or compute and keep them.

    Processes that ask for the same tensors at the same time compute them once: the others wait.

    Args:
        kind: folder inside the cache, such as ``weights``.
        identity: JSON-serializable description of what the tensors follow from.
        compute: makes the tensors when they are not there.

    Raises:
        UsageError: if the cache folder cannot be written, or a cached file is damaged or was changed.
        FloatingPointError: if a computed value is NaN or infinite; it is not kept.
    """
    path = cache_path(kind, identity)
    with _explained(path), locked(path):
        known = read(path) if path.exists() else None
        if known is None:
            write_atomically(path, pack(compute()))
            known = read(path)
            assert known is not None
        return known


def known_tensors(kind: str, identity: Any) -> dict[str, Tensor] | None:
    """Return named tensors from the cache, or None if they are not there.

    Raises:
        UsageError: if the cached file is damaged or was changed.
    """
    path = cache_path(kind, identity)
    with _explained(path):
        return read(path) if path.exists() else None


def cache_path(kind: str, identity: Any) -> Path:
    """The file of the tensors of an identity."""
    return cache_dir() / f"{cache_name(kind, identity)}.safetensors"


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except SafetensorError as error:
        raise UsageError(f"the cached file {path} is damaged ({error}); delete it and run again") from error
    except OSError as error:
        raise UsageError(
            f"cannot use the cache {cache_dir()} ({error}); set MIA_BENCH_CACHE to a writable folder"
        ) from error
