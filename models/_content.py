"""Files as parameters: known by their content, so that another content is another model, and another path is not."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

from ..benchmark.errors import UsageError
from ..benchmark.utils.file_content import DIGITS, digest_of

_WRITTEN = re.compile(rf"sha256:[0-9a-f]{{{DIGITS}}}")


@dataclass(frozen=True)
class Content:
    """The content of a file.

    Attributes:
        digest: ``sha256:`` and the first 16 hexadecimal digits of its hash.
        path: Where it lies on this machine; None where only the hash is known, as from a leaderboard.
    """

    digest: str
    path: Path | None = field(default=None, compare=False)

    def __str__(self) -> str:
        return self.digest

    def file(self, hashed: Callable[[Path], str] | None = None) -> Path:
        """Return the path of the file, which must still have this content.

        Args:
            hashed: How the content is hashed, if not as the bytes of the file.

        Raises:
            UsageError: If the path is not known here, or the file has changed.
        """
        if self.path is None:
            raise UsageError(f"Expected the path of a file, got {self.digest}. Give the file with that content.")
        try:
            found = (hashed or digest_of)(self.path)
        except OSError as error:
            raise UsageError(
                f"Expected a file that can be read, got {self.path}: {error.strerror or error}. Check the path."
            ) from error
        if found != self.digest:
            raise UsageError(f"Expected {self.path} to be {self.digest}, got {found}. It has changed; run again.")
        return self.path


def read_by(hashed: Callable[[Path], str]) -> Callable[[Any], Any]:
    """Make a validator that reads the path of a file, or a hash as ``Content`` writes it.

    Args:
        hashed: Hashes the content of the file at a path.
    """

    @lru_cache(maxsize=64)
    def remembered(path: Path, size: int, changed: int) -> str:
        return hashed(path)

    def validate(value: Any) -> Any:
        if value is None or isinstance(value, Content):
            return value
        if not isinstance(value, str | Path):
            raise ValueError("Expected the path of a file. Write it as text.")
        if _WRITTEN.fullmatch(str(value)):
            return Content(str(value))
        try:
            path = Path(value).expanduser().absolute()
            status = path.stat()
            if not path.is_file():
                raise ValueError("Expected a file. Check the path.")
            return Content(remembered(path, status.st_size, status.st_mtime_ns), path)
        except (OSError, RuntimeError) as error:  # RuntimeError: the home folder of nobody
            reason = str(getattr(error, "strerror", None) or error).rstrip(".")
            beside = getattr(error, "filename", None)
            named = f"{beside}: " if beside and Path(beside).name != Path(value).name else ""
            raise ValueError(
                f"Expected a file that can be read, got an error: {named}{reason}. Check the path and its permissions."
            ) from error

    return validate


Schema = WithJsonSchema({"type": "string", "format": "path"})
"""How such a parameter is described: as a text that names a file."""
File = Annotated[Content, BeforeValidator(read_by(digest_of)), PlainSerializer(str), Schema]
"""A parameter that is a file."""
