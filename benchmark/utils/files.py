"""Safe reading of files from any source. Only regular files of limited size are read."""

from __future__ import annotations

import codecs
import stat
import struct
import tomllib
import zipfile
import zlib
from pathlib import Path
from typing import Any

from pydantic_core import from_json

from .texts import one_line

MAX_FILE_BYTES = 512 * 2**20
"""Bytes of the largest file that is read."""
ZIP_ERRORS = (
    *(zipfile.BadZipFile, zlib.error, struct.error, ValueError, NotImplementedError),
    *(OSError, EOFError, RuntimeError),
)
"""What opening and reading a damaged or encrypted ZIP file raises."""


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


class Denied(Unreadable):
    """Raised for a file that the system does not let this process read, so that nothing is known of its content.

    Example:
        >>> issubclass(Denied, Unreadable)
        True
    """


def read_bytes(path: Path) -> bytes:
    """Read a regular file. A named pipe or a device is refused, since it might never end.

    Raises:
        Unreadable: If the path is not a regular file, the file is too large, or it cannot be read.
        Denied: If the system does not let this process read it.
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
        raise Denied(f"{getattr(error, 'strerror', None) or error}.", "Check the path and its permissions.") from error


def read_inside(path: Path, folder: Path) -> bytes:
    """Read a regular file of a folder that may come from a stranger. A link out of the folder is refused.

    Raises:
        Unreadable: If the path leads out of the folder, or ``read_bytes`` refuses it.
        Denied: If the system does not let this process read it.

    Example:
        >>> read_inside(Path("/etc/hostname"), Path("results"))
        Traceback (most recent call last):
        mia_bench.benchmark.utils.files.Unreadable: It is a link out of its folder. Copy the file that it leads to.
    """
    if not path.resolve().is_relative_to(folder.resolve()):
        raise Unreadable("It is a link out of its folder.", "Copy the file that it leads to.")
    return read_bytes(path)


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
