"""A disk cache of named tensors, each computed once."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import platformdirs
from safetensors import SafetensorError
from torch import Tensor

from ..errors import UsageError
from .atomic_files import write_atomically
from .checked_tensors import pack, read, trained
from .file_locks import locked


def cache_dir() -> Path:
    """Return the folder of decoded datasets and trained weights.

    It is ``$MIA_BENCH_CACHE`` if set, else the cache folder of the platform.

    Raises:
        UsageError: If ``$MIA_BENCH_CACHE`` names the home folder of a user that does not exist.
    """
    given = os.environ.get("MIA_BENCH_CACHE")
    if not given or not given.strip():
        return Path(platformdirs.user_cache_dir("mia-bench"))
    try:
        return Path(given).expanduser()
    except RuntimeError as error:
        raise UsageError(f"Expected MIA_BENCH_CACHE to be a folder, got {given!r}. {error}") from error


def digest(identity: Any) -> str:
    """Hash a JSON-serializable identity into 16 hexadecimal digits.

    Example:
        >>> digest({"size": 32}) == digest({"size": 32})
        True
    """
    canonical = json.dumps(identity, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]


OTHER_INPUTS = "Change the parameters or the images of what trains them."
"""What to do if the training of something diverges that is known by its folder alone, such as priors."""
Cached = Callable[[str, Any, Callable[[], dict[str, Tensor]]], dict[str, Tensor]]
"""Type of ``cached_tensors`` and of functions that replace it."""


def cache_name(kind: str, identity: Any) -> str:
    """Return the name of the tensors of an identity in a cache."""
    return f"{kind}/{digest(identity)}"


def is_cached(kind: str, identity: Any) -> bool:
    """Return whether the tensors of an identity are in the cache."""
    return cache_path(kind, identity).exists()


def cached_tensors(kind: str, identity: Any, compute: Callable[[], dict[str, Tensor]]) -> dict[str, Tensor]:
    """Return named tensors from the cache, or compute and store them.

    If several processes need the same tensors at the same time, one computes them and the others wait.

    Args:
        kind: Folder inside the cache, such as ``weights``.
        identity: JSON-serializable description of everything that determines the tensors.
        compute: Called without arguments to compute the tensors if they are not in the cache.

    Raises:
        UsageError: If the cache folder cannot be written, or a cached file is damaged or was changed.
        Diverged: If a computed value is NaN or infinite. The tensors are not stored.
    """
    path = cache_path(kind, identity)
    with ExitStack() as held:
        with usable_cache(path):
            if path.exists() and (known := read(path)) is not None:
                return known  # without a lock, which a cache that is only read could not hold
            held.enter_context(locked(path))
            known = read(path) if path.exists() else None
        if known is None:
            content = pack(
                trained(compute(), kind, OTHER_INPUTS)
            )  # errors of the file system are not those of the cache here
            with usable_cache(path):
                write_atomically(path, content)
                known = read(path)
                assert known is not None
        return known


def known_tensors(kind: str, identity: Any) -> dict[str, Tensor] | None:
    """Return named tensors from the cache, or None if they are not in it.

    Raises:
        UsageError: If the cached file is damaged or was changed.
    """
    path = cache_path(kind, identity)
    with usable_cache(path):
        return read(path) if path.exists() else None


def cache_path(kind: str, identity: Any) -> Path:
    """Return the path of the file that holds the tensors of an identity."""
    return cache_dir() / f"{cache_name(kind, identity)}.safetensors"


@contextmanager
def usable_cache(path: Path) -> Iterator[None]:
    """Say in a sentence what is wrong with the cache.

    Raises:
        UsageError: If the cache folder cannot be written, or the cached file is damaged.
    """
    try:
        yield
    except SafetensorError as error:
        raise UsageError(f"The cached file {path} is damaged ({error}). Delete it and rerun.") from error
    except OSError as error:
        raise UsageError(
            f"Cannot use the cache {cache_dir()} ({error}). Set MIA_BENCH_CACHE to a writable folder."
        ) from error
