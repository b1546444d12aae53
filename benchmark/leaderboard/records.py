"""Define the rows of a leaderboard and the records of cells, with the rules that make them valid."""

from __future__ import annotations

import json
import math
from functools import lru_cache
from typing import Annotated, Any, Literal, Self, cast

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from ..errors import clean
from ..metrics.scales import PSNR_CEILING_DB, RECOGNISABLE_SSIM
from ..task_names import METRICS, Task
from ..utils.plurals import count_of
from ..utils.texts import LARGEST_WHOLE, quoted, shorten

SCHEMA_VERSION = 4
"""Raised whenever the columns change."""
LAST_COLUMNS = {2: "bound_psnr_db", 3: "client_peak_bytes", SCHEMA_VERSION: "attack_version"}
"""The last column of each schema that is read."""
READABLE_SCHEMAS = tuple(LAST_COLUMNS)
SLACK = 1e-3
"""How far rounding may move a score out of its range."""
MAX_BRACKETS = 100
"""Brackets that parameters may have, so that readers of JSON do not run out of stack."""

Status = Literal["done", "failed", "inapplicable"]


def _finite(digits: str) -> float:
    """Read a number, also one that JSON does not have, such as NaN, or that only infinity can stand for."""
    if not math.isfinite(value := float(digits)):
        raise ValueError(f"Expected finite numbers in JSON, got {shorten(digits, 100)}.")
    return value


def _whole(digits: str) -> int:
    """Read a whole number that a float can hold."""
    _finite(digits)
    return int(digits)


@lru_cache(maxsize=4096)
def _parameters(text: str) -> str:
    """Check that a text is a JSON object of finite numbers."""
    if text.count("[") + text.count("{") > MAX_BRACKETS:
        raise ValueError("Expected less nested JSON.")
    if not isinstance(json.loads(text, parse_constant=_finite, parse_float=_finite, parse_int=_whole), dict):
        raise ValueError("Expected a JSON object.")
    return text


@lru_cache(maxsize=4096)
def _attack_parameters(text: str) -> str:
    seen = json.loads(_parameters(text)).get("observations", 1)
    if not isinstance(seen, int) or not 1 <= seen <= LARGEST_WHOLE:
        raise ValueError(f"Expected a whole number from 1 to {LARGEST_WHOLE} for observations.")
    return text


Count = Annotated[int, Field(ge=0, le=LARGEST_WHOLE)]
Several = Annotated[int, Field(ge=1, le=LARGEST_WHOLE)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
AtMostOne = Annotated[float, Field(le=1, allow_inf_nan=False)]
Gain = Annotated[float, Field(ge=-1, le=1, allow_inf_nan=False)]
Decibels = Annotated[float, Field(ge=-SLACK, le=PSNR_CEILING_DB + SLACK, allow_inf_nan=False)]
Similarity = Annotated[float, Field(ge=-1 - SLACK, le=1 + SLACK, allow_inf_nan=False)]
Parameters = Annotated[str, AfterValidator(_parameters)]
Message = Annotated[str, AfterValidator(clean)]
CellId = Annotated[str, Field(pattern="^[0-9a-f]{16}$")]
"""Identifier of a cell, as ``cache.digest`` computes it. It is part of file names, so nothing else is allowed."""


class Row(BaseModel):
    """One cell of a leaderboard. The fields are the columns, in order, with units in their names.

    A cell that is done has all scores; any other cell has none.

    Example:
        >>> list(Row.model_fields)[:4]
        ['dataset', 'model', 'split', 'defense']
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
    psnr_db_low: Decibels | None = None
    psnr_db_high: Decibels | None = None
    ssim: Similarity | None = None
    ssim_low: Similarity | None = None
    ssim_high: Similarity | None = None
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
    leak_r2: AtMostOne | None = None
    bound_psnr_db: Finite | None = None
    task: Task | None = None
    utility: AtMostOne | None = None
    utility_metric: str | None = None
    agreement: Share | None = None
    bound_identified: Share | None = None
    rounds: Several | None = None
    bytes_down: NotNegative | None = None
    client_param_bytes: Count | None = None
    client_peak_bytes: Count | None = None
    lpips: NotNegative | None = None
    ms_ssim: Share | None = None
    imagenet_distance: NotNegative | None = None
    attribute: str | None = None
    attribute_accuracy: Share | None = None
    attribute_gain: Gain | None = None
    attack_gap_db: Finite | None = None
    attack_version: Several | None = None

    @model_validator(mode="before")
    @classmethod
    def _upgrade(cls, values: Any) -> Any:
        """Give a row without a task, as schema 2 writes it, the task and the utility that it had: classification."""
        if not isinstance(values, dict) or values.get("task") or values.get("accuracy") in (None, ""):
            return values
        return {**values, "task": "classification", "utility": values["accuracy"], "utility_metric": "accuracy"}

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        done = self.status == "done"
        for name in REQUIRED_SCORES if done else (*SCORES, *PERCEPTUAL):
            value = getattr(self, name)
            if (value is None) == done:
                expected = "a value" if done else "no value"
                raise ValueError(f"Expected {expected} of {name} as the status is {self.status}, got {value}.")
        if self.utility is not None:
            self._require_metric_of_task()
        _require_order("psnr_db", self.psnr_db_low, self.psnr_db, self.psnr_db_high)
        _require_order("ssim", self.ssim_low, self.ssim, self.ssim_high)
        return self

    def _require_metric_of_task(self) -> None:
        """Check that the utility is measured by the metric of the task, which alone has an accuracy if it is that."""
        if self.task is None:
            raise ValueError("Expected a task as there is a value of utility, got None.")
        metric = METRICS[self.task]
        if self.utility_metric != metric:
            raise ValueError(f"Expected utility_metric {metric} as the task is {self.task}, got {self.utility_metric}.")
        if (self.accuracy is None) == (metric == "accuracy"):
            expected = "a value" if metric == "accuracy" else "no value"
            raise ValueError(f"Expected {expected} of accuracy as the task is {self.task}, got {self.accuracy}.")


def _require_order(name: str, low: float | None, value: float | None, high: float | None) -> None:
    if value is None:
        return
    if (low is not None and low > value + SLACK) or (high is not None and high < value - SLACK):
        raise ValueError(f"Expected {name} between {name}_low {low} and {name}_high {high}, got {value}.")


COLUMNS = list(Row.model_fields)
COLUMNS_OF = {schema: frozenset(COLUMNS[: COLUMNS.index(last) + 1]) for schema, last in LAST_COLUMNS.items()}
"""The columns of each schema that is read."""
NAMES = (*COLUMNS[: COLUMNS.index("accuracy")], "protocol")
"""Columns that identify the cell of a row."""
TEXTS = frozenset(
    name for name, field in Row.model_fields.items() if field.annotation in (str, str | None, Task | None)
)
"""Columns of text."""
WHOLE = (
    *("seed", "n_images", "accuracy_images", "client_macs", "client_params", "protocol"),
    *("rounds", "client_param_bytes", "client_peak_bytes", "attack_version"),
)
"""Columns of whole numbers."""
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
"""Columns that only finished cells fill."""
PERCEPTUAL = ("lpips", "ms_ssim", "imagenet_distance")
"""Columns of perceptual measures, which finished cells fill where the measure was asked for and can be computed."""
REQUIRED_SCORES = ("psnr_db", "ssim", "recognisable", "utility")
KINDS = {
    name: TypeAdapter(cast(Any, Annotated[(field.annotation, *field.metadata)] if field.metadata else field.annotation))
    for name, field in Row.model_fields.items()
}
"""The type of each column."""


class PerImage(BaseModel):
    """The scores of each attacked image, in the order of the attack.

    Example:
        >>> PerImage(psnr_db=[20.0, 21.0], ssim=[0.4, 0.5]).sources
        []
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    psnr_db: list[Decibels] = []
    ssim: list[Similarity] = []
    sources: list[Count] = []
    """The source of each image, such as the photograph that a patch was cut from; empty if images are independent."""

    @model_validator(mode="after")
    def _names_each_source(self) -> Self:
        if self.sources and len(self.sources) != len(self.psnr_db):
            raise ValueError(f"Expected no sources or {len(self.psnr_db)}, one per image, got {len(self.sources)}.")
        return self


class Record(BaseModel):
    """Everything that is stored of a cell. Its row agrees with the scores of its images.

    Example:
        >>> list(Record.model_fields)
        ['schema_version', 'row', 'details', 'notes', 'per_image']
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: int = SCHEMA_VERSION
    row: Row
    details: dict[str, Finite] = {}
    """Further measurements of the protected model, the bound and the reconstructions, by name."""
    notes: dict[str, Message] = {}
    """Further notes in words, by name."""
    per_image: PerImage = PerImage()

    @model_validator(mode="after")
    def _agrees_with_its_images(self) -> Self:
        expected = self.row.n_images if self.row.status == "done" else 0
        for name in ("psnr_db", "ssim"):
            values = getattr(self.per_image, name)
            if len(values) != expected:
                raise ValueError(f"Expected {count_of(expected, 'value')} of per_image.{name}, got {len(values)}.")
            if values:
                _require_mean(name, sum(values) / expected, getattr(self.row, name))
        if expected:
            share = sum(map(RECOGNISABLE_SSIM.__le__, self.per_image.ssim)) / expected
            _require_mean("recognisable", share, cast(float, self.row.recognisable))
        metric = self.row.utility_metric
        if metric in ("accuracy", "agreement") and getattr(self.row, metric) != self.row.utility:
            raise ValueError(f"Expected row.{metric} {self.row.utility}, the utility, got {getattr(self.row, metric)}.")
        return self


def _require_mean(name: str, mean: float, stated: float) -> None:
    if not same_score(mean, stated):
        raise ValueError(f"Expected row.{name} {mean:.5f}, the mean over its images, got {stated}.")


def same_score(value: float, other: float) -> bool:
    """Return whether two scores are equal up to rounding."""
    return math.isclose(value, other, rel_tol=1e-5, abs_tol=1e-4)


def explain(error: ValidationError, column: str = "") -> str:
    """Describe what is invalid in a row or a record, as a sentence without a period.

    Args:
        error: The error, of which the first fault is described.
        column: The column of a value that was validated alone.
    """
    first = error.errors(include_url=False)[0]
    where = ".".join(map(str, ((column,) if column else ()) + first["loc"]))
    reason = first["msg"].removeprefix("Value error, ").removeprefix("Assertion failed, ").rstrip(".")
    if first["type"] == "missing":
        return f"Column {where} is empty"
    if not where or isinstance(first["input"], dict):
        return reason  # a rule on several columns, which the reason names
    allowed = "Expected 16 hexadecimal digits" if where.endswith("cell_id") else reason
    if first["type"] in ("float_parsing", "int_parsing") and "," in str(first["input"]):
        allowed = "Expected a number with a decimal point, got a comma"
    return f"Column {where} is {quoted(first['input'])}. {allowed}"
