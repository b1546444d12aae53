"""Read a submission, and check everything that can be checked without computing."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from ...errors import UsageError
from ...utils.files import Unreadable
from ...utils.texts import quoted
from ..archives import AGAIN, read_archive
from ..completeness import each_once
from ..csv_files import read_csv, to_csv
from ..loading import load_boards
from ..plan_file import read_plan
from ..reconciliation import equal_when_written
from ..records import COLUMNS, CellId, Record, Row
from ..results_folder import board_path, plan_path, record_path, strip_path
from ..store import numbered_rows, read_records, to_frame
from ..strips import check_strip
from .manifest import MANIFEST, Manifest, check_sums, read_manifest
from .refusals import refuse_contradictions, refuse_missing

MEMBER = re.compile(r"submission\.json|leaderboard\.csv|plan\.json|cells/[0-9a-f]{16}\.json|pictures/[0-9a-f]{16}\.png")
"""The files that a submission may hold."""


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
    manifest = read_manifest(contents.pop(MANIFEST, None), path)
    check_sums(manifest, contents, path)
    with _unpacked(contents) as folder:
        yield Submission(manifest, _records(folder, path)), folder


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
                check_strip(name, content, AGAIN)
            target.parent.mkdir(exist_ok=True)
            target.write_bytes(content)
        yield folder


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
    refuse_missing(promised - set(records), len(promised), str(path))
    if unlisted := sorted(set(records) - listed):
        raise UsageError(
            f"Expected a row of the leaderboard for each record in {path}, got none for {unlisted[0]}. {AGAIN}"
        )
    if not plan_path(folder).exists():
        raise UsageError(f"Expected a plan.json in {path}, got none. {AGAIN}")
    _refuse_other_board(folder, records, path)
    refuse_contradictions(records, f"{path} is not a valid submission.", "Their author must compute them again.")
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
