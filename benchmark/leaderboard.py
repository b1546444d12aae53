"""Rows, the record file of each cell, and the leaderboard that is rebuilt from them."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import pandas as pd
from pydantic import BaseModel, ConfigDict, ValidationError, field_validator, model_validator

from .cache import locked, write_atomically
from .errors import UsageError

SCHEMA_VERSION = 2
"""Raised whenever the columns change."""

Status = Literal["done", "failed", "inapplicable"]


class Row(BaseModel):
    """One cell's line of the leaderboard; the fields are the columns, in order, with units in their names."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())

    dataset: str
    model: str
    split: str
    defense: str
    defense_params: str
    attack: str
    attack_params: str
    access: str
    seed: int
    n_images: int
    accuracy: float | None = None
    accuracy_undefended: float | None = None
    psnr_db: float | None = None
    psnr_db_low: float | None = None
    psnr_db_high: float | None = None
    ssim: float | None = None
    ssim_low: float | None = None
    ssim_high: float | None = None
    recognisable: float | None = None
    epsilon: float | None = None
    delta: float | None = None
    guarantee: str | None = None
    wire_bytes: float | None = None
    client_macs: int | None = None
    client_params: int | None = None
    client_ms: float | None = None
    server_ms: float | None = None
    attack_seconds: float | None = None
    status: Status
    reason: str = ""
    cell_id: str
    protocol: int
    code_version: str
    plugin_version: str = ""
    torch_version: str
    device: str
    finished_at: str
    accuracy_images: int | None = None
    identified: float | None = None
    leak_r2: float | None = None
    bound_psnr_db: float | None = None

    @field_validator("defense_params", "attack_params")
    @classmethod
    def _is_json(cls, value: str) -> str:
        if not isinstance(json.loads(value), dict):
            raise ValueError("expected a JSON object")
        return value


COLUMNS = list(Row.model_fields)


class PerImage(BaseModel):
    """The values of each attacked image, in the order in which they were attacked."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    psnr_db: list[float] = []
    ssim: list[float] = []
    sources: list[int] = []
    """The source of each image, such as the photograph that a patch was cut from; empty if images are independent."""

    @model_validator(mode="after")
    def _names_each_source(self) -> PerImage:
        if self.sources and len(self.sources) != len(self.psnr_db):
            raise ValueError(f"expected no sources or {len(self.psnr_db)}, one for each image, got {len(self.sources)}")
        return self


class Record(BaseModel):
    """Everything that is kept of a cell."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: int = SCHEMA_VERSION
    row: Row
    details: dict[str, float] = {}
    """What else was measured of the protected model, the bound and the reconstructions, by name."""
    notes: dict[str, str] = {}
    """What else is worth knowing, in words, by name."""
    per_image: PerImage = PerImage()


def record_path(out: Path, cell_id: str) -> Path:
    """Where the record of a cell lies."""
    return out / "cells" / f"{cell_id}.json"


def write_record(out: Path, record: Record) -> None:
    """Write a cell's record, whole or not at all."""
    write_atomically(record_path(out, record.row.cell_id), (record.model_dump_json(indent=1) + "\n").encode())


def read_record(path: Path) -> Record:
    """Read a cell's record.

    Raises:
        UsageError: if the file is damaged.
    """
    try:
        content = json.loads(path.read_bytes())
        schema = content.get("schema_version")
        record = Record.model_validate(content) if schema == SCHEMA_VERSION else None
    except (ValueError, AttributeError, OSError) as error:
        raise UsageError(f"{path} is not a valid record; delete it to have the cell computed again") from error
    if record is None:
        raise UsageError(
            f"{path} has schema {schema}, this version writes {SCHEMA_VERSION}; run it again, and it is set aside and "
            "computed anew"
        )
    if record.row.cell_id != path.stem:
        raise UsageError(
            f"{path} holds the record of cell {record.row.cell_id}; delete it to have the cell computed again"
        )
    return record


def read_records(out: Path) -> dict[str, Record]:
    """Read all records of a results folder, by cell."""
    return {path.stem: read_record(path) for path in sorted((out / "cells").glob("*.json"))}


def to_frame(rows: Iterable[Row]) -> pd.DataFrame:
    """Make a leaderboard of rows, in a stable order."""
    frame = as_given(rows)
    keys = [
        "dataset",
        "model",
        "split",
        "defense",
        "defense_params",
        "attack",
        "attack_params",
        "seed",
        "n_images",
        "cell_id",
    ]
    return frame.sort_values(keys, kind="stable", ignore_index=True)


def as_given(rows: Iterable[Row]) -> pd.DataFrame:
    """Make a frame of rows, in their order."""
    frame = pd.DataFrame([row.model_dump() for row in rows], columns=COLUMNS)
    for column in ("seed", "n_images", "accuracy_images", "client_macs", "client_params", "protocol"):
        frame[column] = frame[column].astype("Int64")
    return frame


def rebuild(out: Path, planned: Iterable[str]) -> Path:
    """Write ``leaderboard.csv`` and its schema from the records; returns the path of the leaderboard.

    Args:
        out: the results folder.
        planned: cells that runs into this folder have planned; a row of theirs may go with its record.

    Raises:
        UsageError: if a record is damaged, or the leaderboard holds rows that have no record and would be lost.
    """
    path = out / "leaderboard.csv"
    with locked(path):
        records = read_records(out)
        _refuse_loss(path, {*records, *planned})
        content = to_frame(record.row for record in records.values()).to_csv(index=False, lineterminator="\n")
        if not path.exists() or path.read_text(encoding="utf-8") != content:
            write_atomically(path, content.encode())
        schema = json.dumps({"schema_version": SCHEMA_VERSION, "columns": COLUMNS}, indent=1) + "\n"
        write_atomically(path.with_name("leaderboard.schema.json"), schema.encode())
    return path


def _refuse_loss(path: Path, known: Iterable[str]) -> None:
    if path.exists():
        orphans = {row.cell_id for row in read_rows(path)} - set(known)
        if orphans:
            raise UsageError(
                f"{path} has {len(orphans)} rows without a record in {path.parent / 'cells'}, which would be lost; "
                "choose another --out, or move that file away"
            )


def read_rows(path: Path) -> list[Row]:
    """Read a leaderboard.

    Raises:
        UsageError: if the file is not there, is not a leaderboard, or holds a value of the wrong type.
    """
    try:
        frame = pd.read_csv(path, keep_default_na=False, dtype=str, encoding="utf-8")
    except (OSError, UnicodeDecodeError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise UsageError(f"cannot read the leaderboard {path}: {str(error).strip()}") from error
    if list(frame.columns) != COLUMNS:
        missing = [column for column in COLUMNS if column not in frame.columns]
        extra = [column for column in frame.columns if column not in COLUMNS]
        raise UsageError(
            f"{path} is no leaderboard of schema {SCHEMA_VERSION}: missing columns {missing}, unknown columns {extra}"
        )
    rows: list[Row] = []
    for line, values in enumerate(frame.to_dict(orient="records"), start=2):
        try:
            rows.append(Row.model_validate({str(key): value for key, value in values.items() if value != ""}))
        except ValidationError as error:
            first = error.errors()[0]
            raise UsageError(
                f"{path}, line {line}, column {first['loc'][0]}: {first['input']!r} is not allowed: {first['msg']}"
            ) from error
    return rows


def check_writable(out: Path) -> None:
    """Make sure that results can be written, before hours are spent on them.

    Raises:
        UsageError: if the folder cannot be made or written.
    """
    with writing(out):
        (out / "cells").mkdir(parents=True, exist_ok=True)
        probe = out / "cells" / f".probe-{os.getpid()}"
        probe.write_bytes(b"")
        probe.unlink()


@contextmanager
def writing(out: Path) -> Iterator[None]:
    """Say in one sentence what keeps results from being written.

    Raises:
        UsageError: if something does, such as a full disk.
    """
    try:
        yield
    except OSError as error:
        raise UsageError(
            f"cannot write results to {out}: {error.strerror or error}; finished cells are kept, choose another --out "
            "or make room"
        ) from error
