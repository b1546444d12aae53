"""What a submission says about itself: who sends it, and the checksum of each file."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ...errors import UsageError
from ...plan.references import PROTOCOL
from ...utils.texts import quoted
from ..archives import AGAIN
from ..records import explain

FORMAT = 1
"""Version of the form of submissions."""
MANIFEST = "submission.json"


class Manifest(BaseModel):
    """Describe a submission: who sends it, and the checksum of each file.

    Example:
        >>> Manifest(mia_bench="0.1.0", files={}).protocol
        2
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: int = FORMAT
    mia_bench: str = Field(max_length=100)
    protocol: int = PROTOCOL
    title: str = Field("", max_length=200)
    paper: str = Field("", max_length=500, pattern=r"^(https?://[^\s<>\"']+)?$")
    code: str = Field("", max_length=500, pattern=r"^(https?://[^\s<>\"']+)?$")
    files: dict[str, str]


def read_manifest(content: bytes | None, path: Path) -> Manifest:
    """Read and check the manifest of a submission.

    Args:
        content: Its bytes; None if the submission has none.
        path: The submission, for messages.

    Raises:
        UsageError: If it is not valid, or is of another form or protocol.

    Example:
        >>> read_manifest(b'{"mia_bench": "0.1.0", "files": {}}', Path("submission.zip")).title
        ''
    """
    if content is None:
        raise UsageError(
            f"Expected a submission that `mia-bench submit` wrote, got {path}, which has no {MANIFEST}. {AGAIN}"
        )
    try:
        manifest = Manifest.model_validate_json(content, strict=True)
    except ValidationError as error:
        raise UsageError(f"{path} has no valid {MANIFEST}. {fault_of(error)}. {AGAIN}") from error
    if manifest.format != FORMAT or manifest.protocol != PROTOCOL:
        raise UsageError(
            f"Expected a submission of form {FORMAT} and protocol {PROTOCOL}, got form {manifest.format} and protocol "
            f"{manifest.protocol} in {path}. Verify it with the version of mia-bench that wrote it."
        )
    return manifest


def fault_of(error: ValidationError) -> str:
    """Return what is wrong with a field of a manifest, as a sentence without a period."""
    return explain(error).replace("Column ", "The field ", 1)


def check_sums(manifest: Manifest, contents: Mapping[str, bytes], path: Path) -> None:
    """Check that all files are there, with the checksums that the manifest states.

    Raises:
        UsageError: If a file is missing or has another checksum.
    """
    if missing := sorted(manifest.files.keys() - contents.keys()):
        raise UsageError(f"Expected {quoted(missing[0])} in {path}, as {MANIFEST} lists it, but it is missing. {AGAIN}")
    for name, content in contents.items():
        if manifest.files.get(name) != hashlib.sha256(content).hexdigest():
            raise UsageError(
                f"Expected the checksum that {MANIFEST} states for {quoted(name)} in {path}, got another. {AGAIN}"
            )
