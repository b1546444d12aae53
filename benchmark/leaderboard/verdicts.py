"""Files of verdicts: which cells of a submission were computed again, and whether their scores were reproduced."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ..errors import UsageError
from ..utils.atomic_files import write_output
from ..utils.files import Unreadable, read_bytes
from .records import CellId, explain

Outcome = Literal["verified", "within chance", "differs", "not re-run"]
"""What came of a sampled cell: reproduced up to rounding, or as another network would be, or neither."""


class Verdicts(BaseModel):
    """The outcome of one verification of one submission.

    Attributes:
        submission_sha256: The checksum of the verified file, so that the verdicts hold for no other one.
        mia_bench: The version that verified it.
        date: The day, as ``2026-11-26``.
        outcomes: The outcome of each sampled cell.

    Example:
        >>> Verdicts(submission_sha256="0" * 64, mia_bench="0.1.0", date="2026-11-26", outcomes={}).outcomes
        {}
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    submission_sha256: str = Field(pattern="^[0-9a-f]{64}$")
    mia_bench: str = Field(max_length=100)
    date: str = Field(pattern=r"^\d{4}-\d{2}-\d{2}$")
    outcomes: dict[CellId, Outcome]


def checksum(path: Path) -> str:
    """Return the SHA-256 checksum of a file in hexadecimal digits.

    Example:
        >>> checksum(Path("submission.zip"))  # doctest: +SKIP
    """
    return hashlib.sha256(path.read_bytes()).hexdigest()


def write_verdicts(verdicts: Verdicts, path: Path) -> None:
    """Write verdicts as JSON.

    Raises:
        UsageError: If the file cannot be written.
    """
    write_output(path, (verdicts.model_dump_json(indent=1) + "\n").encode())


def read_verdicts(path: Path, submission: Path) -> Verdicts | None:
    """Read the verdicts of a submission. Return None if the file does not exist.

    Raises:
        UsageError: If the file holds no valid verdicts, or those of another submission.
    """
    if not path.exists():
        return None
    try:
        verdicts = Verdicts.model_validate_json(read_bytes(path), strict=True)
    except ValidationError as error:
        raise UsageError(
            f"Expected verdicts that `mia-bench verify --verdicts` wrote in {path}. {explain(error)}. Verify again."
        ) from error
    except Unreadable as error:
        raise UsageError(f"Cannot read {path}. {error}") from error
    if verdicts.submission_sha256 != checksum(submission):
        raise UsageError(f"Expected verdicts of {submission} in {path}, got those of another file. Verify it again.")
    return verdicts
