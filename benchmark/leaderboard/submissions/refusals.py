"""What the records of a submission must be: complete, of one schema, and free of contradictions."""

from __future__ import annotations

from collections.abc import Mapping

from ...errors import UsageError
from ...utils.plurals import fitting
from ..contradictions import contradiction
from ..records import SCHEMA_VERSION, Record


def refuse_missing(missing: set[str], planned: int, where: str, remedy: str = "") -> None:
    """Refuse results without the records of some planned cells.

    Args:
        missing: The cells without a record.
        planned: Number of planned cells.
        where: The results, for the message.
        remedy: What to do.

    Raises:
        UsageError: If there are such cells.
    """
    if missing:
        raise UsageError(
            f"Expected a record of each planned cell in {where}, but {len(missing)} of {planned} "
            f"{fitting(len(missing), 'is', 'are')} missing, such as "
            f"{min(missing)}. {remedy}".rstrip()
        )


def refuse_contradictions(records: Mapping[str, Record], where: str, remedy: str) -> None:
    """Refuse records of older schemas, and those of which one contradicts itself or another.

    Args:
        records: The records, by cell.
        where: Which results cannot be used, as a sentence.
        remedy: What to do, as a sentence.

    Raises:
        UsageError: If there are such records.
    """
    older = next((each for each in records.values() if each.schema_version != SCHEMA_VERSION), None)
    if older is not None:
        raise UsageError(
            f"{where} Expected records of schema {SCHEMA_VERSION}, got schema {older.schema_version} of cell "
            f"{older.row.cell_id}. {remedy}"
        )
    if fault := contradiction(records.values()):
        raise UsageError(f"{where} {fault} {remedy}")
