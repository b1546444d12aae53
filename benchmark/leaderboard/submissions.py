"""Submissions: results in one ZIP file, with checksums. What strangers send is data and is never executed."""

from __future__ import annotations

import hashlib
import io
import re
import warnings
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ..errors import UsageError
from ..plan.references import PROTOCOL
from ..utils.atomic_files import write_atomically, writing
from ..utils.files import Unreadable
from ..utils.plurals import fitting
from ..utils.texts import quoted
from .archives import AGAIN, read_archive
from .completeness import each_once
from .contradictions import contradiction
from .csv_files import read_csv, to_csv
from .loading import load_boards
from .plan_file import plan_text, read_plan, refuse_unstarted
from .reconciliation import equal_when_written
from .records import COLUMNS, SCHEMA_VERSION, CellId, Record, Row, explain
from .results_folder import (
    FIRST_RUN,
    MAX_STRIP_ROWS,
    STRIP_IMAGES,
    board_path,
    plan_path,
    record_path,
    strip_path,
)
from .store import numbered_rows, read_records, read_rows, to_frame

FORMAT = 1
"""Version of the form of submissions."""
MANIFEST = "submission.json"
MEMBER = re.compile(r"submission\.json|leaderboard\.csv|plan\.json|cells/[0-9a-f]{16}\.json|pictures/[0-9a-f]{16}\.png")
"""The files that a submission may hold."""
MAX_PICTURE_PIXELS = MAX_STRIP_ROWS * STRIP_IMAGES * (1024 + 4) ** 2
"""Pixels of the largest strip: three rows of ten images of 1024x1024, each with a margin."""
EPOCH = (1980, 1, 1, 0, 0, 0)
"""The time of all files in a submission, so that equal results give equal submissions."""


REMEDIES = {
    "title": "Give a title in UTF-8 of at most 200 characters.",
    **dict.fromkeys(("paper", "code"), "Give another one, or leave it out."),
}
"""What to do about an invalid field that the user gives."""


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


@dataclass(frozen=True)
class Submission:
    """The checked content of a submission.

    Attributes:
        manifest: Its description.
        records: Its records, by cell.

    Example:
        >>> Submission(Manifest(mia_bench="0.1.0", files={}), {}).rows
        []
    """

    manifest: Manifest
    records: Mapping[str, Record]

    @property
    def rows(self) -> list[Row]:
        """The rows of the leaderboard."""
        return [record.row for record in self.records.values()]


def write_submission(folder: Path, path: Path, *, title: str = "", paper: str = "", code: str = "") -> Manifest:
    """Write the results of a folder as a submission.

    Args:
        folder: The results folder.
        path: The ZIP file to write.
        title: Name of the submission.
        paper: Address of a publication.
        code: Address of the code of the defense or attack.

    Raises:
        UsageError: If cells of the plan or the leaderboard are missing, cells are of different data or versions, a file
            is damaged, or an address is not one.

    Example:
        >>> write_submission(Path("results"), Path("submission.zip"))  # doctest: +SKIP
    """
    from ... import __version__

    records = read_records(folder) if folder.is_dir() else {}
    if not records:
        refuse_unstarted(folder)
        raise UsageError(f"Expected the results folder of a run, got {folder}, which has no cells/*.json. {FIRST_RUN}")
    planned = read_plan(folder)
    listed = {row.cell_id for row in read_rows(board_path(folder))} if board_path(folder).exists() else set[str]()
    promised = listed | set(planned)
    _refuse_missing(promised - set(records), len(promised), str(folder), "Rerun the command to finish them.")
    each_once(record.row for record in records.values())
    _refuse_contradictions(records, f"{folder} cannot be submitted.", "Delete their records and rerun the command.")
    contents = {f"cells/{cell_id}.json": record.model_dump_json(indent=1) for cell_id, record in records.items()}
    contents["leaderboard.csv"] = to_csv(to_frame(record.row for record in records.values()))
    contents["plan.json"] = plan_text({cell_id: planned.get(cell_id, "") for cell_id in records})
    encoded = {name: text.encode("utf-8", "backslashreplace") for name, text in contents.items()}
    for cell_id in records:
        if (strip := strip_path(folder, cell_id)).is_file():
            content = strip.read_bytes()
            _check_picture(str(strip), content, "Delete it to submit without it.")
            encoded[f"pictures/{cell_id}.png"] = content
    checksums = {name: hashlib.sha256(content).hexdigest() for name, content in sorted(encoded.items())}
    try:
        manifest = Manifest(mia_bench=__version__, title=title, paper=paper, code=code, files=checksums)
    except ValidationError as error:
        (field,), given = error.errors()[0]["loc"], error.errors()[0]["input"]
        fault = f"Expected an http:// or https:// address of at most 500 characters without blanks, got {quoted(given)}"
        raise UsageError(f"{_fault(error) if field == 'title' else fault}. {REMEDIES[str(field)]}") from error
    with writing(path):
        write_atomically(path, _zipped({MANIFEST: manifest.model_dump_json(indent=1).encode(), **encoded}))
    return manifest


def _zipped(contents: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in contents.items():
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, content)
    return buffer.getvalue()


def read_submission(path: Path) -> Submission:
    """Read a submission and check everything that can be checked without computing.

    Only files with expected names are read, up to a size limit, and nothing is extracted to a path that the submission
    names. Checksums, the schema, the agreement between scores and their images, and the completeness of the records
    are checked.

    Raises:
        UsageError: If the file is not a valid submission. The message names the first fault.

    Example:
        >>> read_submission(Path("submission.zip")).rows  # doctest: +SKIP
    """
    with unpacked_submission(path) as (submission, _):
        return submission


@contextmanager
def unpacked_submission(path: Path) -> Iterator[tuple[Submission, Path]]:
    """Read and check a submission as ``read_submission`` does, and unpack its files to a temporary folder.

    Yields:
        The submission, and a results folder with its records and strips.

    Raises:
        UsageError: If the file is not a valid submission.

    Example:
        >>> with unpacked_submission(Path("submission.zip")) as (submission, folder):  # doctest: +SKIP
        ...     print(sorted(folder.glob("cells/*.json")))
    """
    contents = read_archive(path, allowed=MEMBER)
    manifest = _manifest(contents.pop(MANIFEST, None), path)
    _check_sums(manifest, contents, path)
    with _unpacked(contents) as folder:
        yield Submission(manifest, _records(folder, path)), folder


def _manifest(content: bytes | None, path: Path) -> Manifest:
    if content is None:
        raise UsageError(
            f"Expected a submission that `mia-bench submit` wrote, got {path}, which has no {MANIFEST}. {AGAIN}"
        )
    try:
        manifest = Manifest.model_validate_json(content, strict=True)
    except ValidationError as error:
        raise UsageError(f"{path} has no valid {MANIFEST}. {_fault(error)}. {AGAIN}") from error
    if manifest.format != FORMAT or manifest.protocol != PROTOCOL:
        raise UsageError(
            f"Expected a submission of form {FORMAT} and protocol {PROTOCOL}, got form {manifest.format} and protocol "
            f"{manifest.protocol} in {path}. Verify it with the version of mia-bench that wrote it."
        )
    return manifest


def _fault(error: ValidationError) -> str:
    return explain(error).replace("Column ", "The field ", 1)


def _check_sums(manifest: Manifest, contents: Mapping[str, bytes], path: Path) -> None:
    if missing := sorted(manifest.files.keys() - contents.keys()):
        raise UsageError(f"Expected {quoted(missing[0])} in {path}, as {MANIFEST} lists it, but it is missing. {AGAIN}")
    for name, content in contents.items():
        if manifest.files.get(name) != hashlib.sha256(content).hexdigest():
            raise UsageError(
                f"Expected the checksum that {MANIFEST} states for {quoted(name)} in {path}, got another. {AGAIN}"
            )


@contextmanager
def _unpacked(contents: Mapping[str, bytes]) -> Iterator[Path]:
    """Write checked files to a temporary folder, under paths that this module makes."""
    with TemporaryDirectory(prefix="mia-bench-") as scratch:
        folder = Path(scratch)
        for name, content in contents.items():
            kind, _, file = name.rpartition("/")
            stem = file.partition(".")[0]
            target = {"cells": record_path, "pictures": strip_path}[kind](folder, stem) if kind else folder / file
            if kind == "pictures":
                _check_picture(name, content, AGAIN)
            target.parent.mkdir(exist_ok=True)
            target.write_bytes(content)
        yield folder


def _check_picture(name: str, content: bytes, remedy: str) -> None:
    try:
        with (
            warnings.catch_warnings(action="ignore", category=Image.DecompressionBombWarning),
            Image.open(io.BytesIO(content), formats=["PNG"]) as image,
        ):
            width, height = image.size
            image.verify()
    except Exception as error:  # Pillow raises many kinds of errors on damaged files
        fault = "an image that is too large" if isinstance(error, Image.DecompressionBombError) else "a damaged file"
        raise UsageError(f"Expected a PNG image as {quoted(name)}, got {fault}. {remedy}") from error
    if width * height > MAX_PICTURE_PIXELS:
        raise UsageError(
            f"Expected a strip of at most {MAX_PICTURE_PIXELS:,} pixels as {quoted(name)}, got {width:,} x {height:,}. "
            f"{remedy}"
        )


def _records(folder: Path, path: Path) -> dict[str, Record]:
    """Read the unpacked records and check that leaderboard and plan agree with them."""
    try:
        records = read_records(folder)
        rows, _ = load_boards([board_path(folder)])
        each_once(rows)
        planned = read_plan(folder)
    except (UsageError, Unreadable) as error:
        fault = error.reason.replace(f"{folder}/", "")  # the remedy is one for results of one's own
        raise UsageError(f"{path} is not a valid submission. {fault}") from error
    listed: set[CellId] = {row.cell_id for row in rows}
    promised = listed | set(planned)
    _refuse_missing(promised - set(records), len(promised), str(path))
    if unlisted := sorted(set(records) - listed):
        raise UsageError(
            f"Expected a row of the leaderboard for each record in {path}, got none for {unlisted[0]}. {AGAIN}"
        )
    if not plan_path(folder).exists():
        raise UsageError(f"Expected a plan.json in {path}, got none. {AGAIN}")
    _refuse_other_board(folder, records, path)
    _refuse_contradictions(records, f"{path} is not a valid submission.", "Their author must compute them again.")
    return records


def _refuse_other_board(folder: Path, records: Mapping[str, Record], path: Path) -> None:
    """Check that the leaderboard is that of the records, column by column."""
    rebuilt = folder / "rebuilt.csv"
    rebuilt.write_text(to_csv(to_frame(record.row for record in records.values())), "utf-8", "backslashreplace")
    stated, expected = read_csv(board_path(folder)), {row.cell_id: row for _, row in numbered_rows(read_csv(rebuilt))}
    if others := sorted(set(stated.columns) - set(COLUMNS)):
        raise UsageError(f"Expected columns of a leaderboard in {path}, got {quoted(others[0])}. {AGAIN}")
    for line, row in numbered_rows(stated):
        if (recorded := expected.pop(row.cell_id, None)) is None:
            raise UsageError(f"Expected cell {row.cell_id} once in {path}, got it again in line {line}. {AGAIN}")
        for name in COLUMNS:
            here, there = getattr(row, name), getattr(recorded, name)
            if not equal_when_written(here, there):
                raise UsageError(
                    f"{path} is not a valid submission. Expected {name} {quoted(there)} as in the record "
                    f"cells/{row.cell_id}.json, got {quoted(here)} in leaderboard.csv, line {line}."
                )


def _refuse_contradictions(records: Mapping[str, Record], where: str, remedy: str) -> None:
    older = next((each for each in records.values() if each.schema_version != SCHEMA_VERSION), None)
    if older is not None:
        raise UsageError(
            f"{where} Expected records of schema {SCHEMA_VERSION}, got schema {older.schema_version} of cell "
            f"{older.row.cell_id}. {remedy}"
        )
    if fault := contradiction(records.values()):
        raise UsageError(f"{where} {fault} {remedy}")


def _refuse_missing(missing: set[str], planned: int, where: str, remedy: str = "") -> None:
    if missing:
        raise UsageError(
            f"Expected a record of each planned cell in {where}, but {len(missing)} of {planned} "
            f"{fitting(len(missing), 'is', 'are')} missing, such as "
            f"{min(missing)}. {remedy}".rstrip()
        )
