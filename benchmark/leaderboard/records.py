"""A row of a leaderboard and the record of a cell, and what makes them valid."""

from __future__ import annotations

import json
import math
from functools import lru_cache
from typing import Annotated, Any, Literal, Self, cast

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from ..metrics.scales import PSNR_CEILING_DB, RECOGNISABLE_SSIM
from ..utils.texts import LARGEST_WHOLE, brief, quoted

SCHEMA_VERSION = 2
"""Raised whenever the columns change."""
SLACK = 1e-3
"""By how much rounding may carry a score past the end of its range."""
DEEPEST = 100
"""Brackets that parameters may have, so that whoever reads them does not run out of stack."""

Status = Literal["done", "failed", "inapplicable"]


@lru_cache(maxsize=4096)
def _parameters(text: str) -> str:
    """Refuse what is not a JSON object."""
    if text.count("[") + text.count("{") > DEEPEST:
        raise ValueError("it is nested too deeply")
    if not isinstance(json.loads(text), dict):
        raise ValueError("expected a JSON object")
    return text


@lru_cache(maxsize=4096)
def _attack_parameters(text: str) -> str:
    seen = json.loads(_parameters(text)).get("observations", 1)
    if not isinstance(seen, int) or seen < 1:
        raise ValueError("observations must be a whole number of at least 1")
    return text


Count = Annotated[int, Field(ge=0, le=LARGEST_WHOLE)]
Several = Annotated[int, Field(ge=1, le=LARGEST_WHOLE)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Decibels = Annotated[float, Field(ge=-SLACK, le=PSNR_CEILING_DB + SLACK, allow_inf_nan=False)]
Similarity = Annotated[float, Field(ge=-1 - SLACK, le=1 + SLACK, allow_inf_nan=False)]
Parameters = Annotated[str, AfterValidator(_parameters)]
Message = Annotated[str, AfterValidator(brief)]
CellId = Annotated[str, Field(pattern="^[0-9a-f]{16}$")]
"""As ``cache.digest`` gives it: the name of files, so nothing else may be one."""


class Row(BaseModel):
    """One cell's line of the leaderboard; the fields are the columns, in order, with units in their names.

    A cell that is done has all scores, any other has none.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())

    dataset: str
    model: str
    split: str
    defense: str
    defense_params: Parameters
    attack: str
    attack_params: Annotated[str, AfterValidator(_attack_parameters)]
    access: str
    seed: Count
    n_images: Several
    accuracy: Share | None = None
    accuracy_undefended: Share | None = None
    psnr_db: Decibels | None = None
    psnr_db_low: Finite | None = None
    psnr_db_high: Finite | None = None
    ssim: Similarity | None = None
    ssim_low: Finite | None = None
    ssim_high: Finite | None = None
    recognisable: Share | None = None
    epsilon: NotNegative | None = None
    delta: Share | None = None
    guarantee: str | None = None
    wire_bytes: NotNegative | None = None
    client_macs: Count | None = None
    client_params: Count | None = None
    client_ms: NotNegative | None = None
    server_ms: NotNegative | None = None
    attack_seconds: NotNegative | None = None
    status: Status
    reason: Message = ""
    cell_id: CellId
    protocol: Count
    code_version: str
    plugin_version: str = ""
    torch_version: str
    device: str
    finished_at: str
    accuracy_images: Several | None = None
    identified: Share | None = None
    leak_r2: Finite | None = None
    bound_psnr_db: Finite | None = None

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        done = self.status == "done"
        for name in REQUIRED_SCORES if done else SCORES:
            value = getattr(self, name)
            if (value is None) == done:
                raise ValueError(f"{name} is {'empty' if done else value}, but the status is {self.status}")
        _require_order("psnr_db", self.psnr_db_low, self.psnr_db, self.psnr_db_high)
        _require_order("ssim", self.ssim_low, self.ssim, self.ssim_high)
        return self


def _require_order(name: str, low: float | None, value: float | None, high: float | None) -> None:
    if value is None:
        return
    if (low is not None and low > value + SLACK) or (high is not None and high < value - SLACK):
        raise ValueError(f"{name} is {value}, which is not between {name}_low {low} and {name}_high {high}")


COLUMNS = list(Row.model_fields)
NAMES = (*COLUMNS[: COLUMNS.index("accuracy")], "protocol")
"""Columns that say of what a row is."""
TEXTS = frozenset(name for name, field in Row.model_fields.items() if field.annotation in (str, str | None))
"""Columns of texts."""
NUMBERS = [name for name in COLUMNS if name not in TEXTS and name != "status"]
"""Columns of numbers."""
SCORES = (
    "psnr_db",
    "psnr_db_low",
    "psnr_db_high",
    "ssim",
    "ssim_low",
    "ssim_high",
    "recognisable",
    "identified",
    "leak_r2",
)
"""What only a cell that is done has."""
REQUIRED_SCORES = ("psnr_db", "ssim", "recognisable", "accuracy")
KINDS = {
    name: TypeAdapter(cast(Any, Annotated[(field.annotation, *field.metadata)] if field.metadata else field.annotation))
    for name, field in Row.model_fields.items()
}
"""What each column may hold."""


class PerImage(BaseModel):
    """The values of each attacked image, in the order in which they were attacked."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    psnr_db: list[Decibels] = []
    ssim: list[Similarity] = []
    sources: list[Count] = []
    """The source of each image, such as the photograph that a patch was cut from; empty if images are independent."""

    @model_validator(mode="after")
    def _names_each_source(self) -> Self:
        if self.sources and len(self.sources) != len(self.psnr_db):
            raise ValueError(f"expected no sources or {len(self.psnr_db)}, one for each image, got {len(self.sources)}")
        return self


class Record(BaseModel):
    """Everything that is kept of a cell: its row agrees with the values of the images."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: int = SCHEMA_VERSION
    row: Row
    details: dict[str, Finite] = {}
    """What else was measured of the protected model, the bound and the reconstructions, by name."""
    notes: dict[str, Message] = {}
    """What else is worth knowing, in words, by name."""
    per_image: PerImage = PerImage()

    @model_validator(mode="after")
    def _agrees_with_its_images(self) -> Self:
        expected = self.row.n_images if self.row.status == "done" else 0
        for name in ("psnr_db", "ssim"):
            values = getattr(self.per_image, name)
            if len(values) != expected:
                raise ValueError(f"per_image.{name} has {len(values)} values; expected {expected}")
            if values:
                _require_mean(name, sum(values) / expected, getattr(self.row, name))
        if expected:
            share = sum(map(RECOGNISABLE_SSIM.__le__, self.per_image.ssim)) / expected
            _require_mean("recognisable", share, cast(float, self.row.recognisable))
        return self


def _require_mean(name: str, mean: float, told: float) -> None:
    if not same_score(mean, told):
        raise ValueError(f"row.{name} is {told}, but that of the values of the images is {mean:.5f}")


def same_score(value: float, other: float) -> bool:
    """Whether two scores differ by no more than their rounding."""
    return math.isclose(value, other, rel_tol=1e-5, abs_tol=1e-4)


def explain(error: ValidationError, column: str = "") -> str:
    """What is wrong with a row or a record, as the end of a sentence: where, what was given, what is allowed.

    Args:
        error: its first fault is told.
        column: of a value that was validated alone.
    """
    first = error.errors(include_url=False)[0]
    where = ".".join(map(str, ((column,) if column else ()) + first["loc"]))
    reason = first["msg"].removeprefix("Value error, ").removeprefix("Assertion failed, ")
    if first["type"] == "missing":
        return f"column {where} is empty"
    if not where:
        return reason
    allowed = "expected 16 hexadecimal digits" if where.endswith("cell_id") else reason
    return f"column {where}: {quoted(first['input'])} is not allowed: {allowed}"


def disagreement(row: Row, other: Row) -> str | None:
    """The column in which two rows of one cell contradict each other; None if there is none.

    A cell may have been computed twice, or have failed before it was done: then only what names it and its scores
    have to agree. Rows of the same moment agree in everything.
    """
    if row == other:
        return None
    same_moment = row.finished_at == other.finished_at
    both_done = row.status == other.status == "done"
    for name in COLUMNS:
        one, two = getattr(row, name), getattr(other, name)
        if name in (*SCORES, "accuracy", "accuracy_undefended"):
            if both_done and not _same(one, two):
                return name
        elif (same_moment or name in NAMES) and one != two and not _close(one, two):
            return name
    return None


def _same(one: float | None, two: float | None) -> bool:
    return one == two or (one is not None and two is not None and same_score(one, two))


def _close(one: object, two: object) -> bool:
    """Whether two numbers differ by no more than what other programs lose when they write them."""
    return isinstance(one, float) and isinstance(two, float) and math.isclose(one, two, rel_tol=1e-9)
