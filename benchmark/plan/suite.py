"""Suites: requests written down in TOML, built in or the user's own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from ..errors import UsageError
from ..registry import suggestion
from ..utils.files import Unreadable, read_toml
from ..utils.texts import LARGEST_WHOLE, quoted
from .lists import Spec, list_names, list_seeds, list_specs

_FOLDER = Path(__file__).parent / "suites"


class Suite(BaseModel):
    """What a suite file may say; anything else is refused.

    Attributes:
        dataset: names, or tables with ``name`` and parameters.
        model: names or tables; none means the dataset's recommendation.
        split: the last layers on the client; none means the dataset's recommendation.
        attacks: names or tables; none means all standard ones.
        defenses: names or tables; none means all built-in ones.
        seeds: one run of everything for each.
        images: private images under attack.
        options: parameters for every chosen attack or defense that has them; a list makes a sweep.

    Each may be a single value or a list, and a text may hold several names with commas between them. A file may hold
    several suites: each of its ``[[parts]]`` says what differs from the rest of the file.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    dataset: list[str | dict[str, Any]] = Field(default=["photos"], min_length=1)
    model: list[str | dict[str, Any]] = []
    split: list[str] = []
    attacks: list[str | dict[str, Any]] = []
    defenses: list[str | dict[str, Any]] = []
    seeds: list[Annotated[int, Field(strict=True, ge=0, le=LARGEST_WHOLE)]] = Field(default=[0], min_length=1)
    images: Annotated[int, Field(strict=True, ge=1, le=LARGEST_WHOLE)] = 64
    options: dict[str, Any] = {}

    @field_validator("dataset", "model", "attacks", "defenses", mode="before")
    @classmethod
    def _lists_specs(cls, value: Any) -> Any:
        return list_specs(value)

    @field_validator("split", mode="before")
    @classmethod
    def _lists_names(cls, value: Any) -> Any:
        return list_names(value)

    @field_validator("seeds", mode="before")
    @classmethod
    def _lists_seeds(cls, value: Any) -> Any:
        return list_seeds(value)

    @field_validator("options")
    @classmethod
    def _has_values(cls, options: dict[str, Any]) -> dict[str, Any]:
        if [] in options.values():
            raise ValueError("an option needs at least one value")
        return options


def built_in() -> dict[str, Path]:
    """The suites inside the package, by name."""
    return {path.stem: path for path in sorted(_FOLDER.glob("*.toml"))}


def first_line(path: Path) -> str:
    """The comment that a suite file begins with."""
    return path.read_text(encoding="utf-8").partition("\n")[0].lstrip("# ")


def load_suite(name: str) -> list[Suite]:
    """Read a suite by its path or its built-in name.

    Returns:
        Its parts, each with what the file says for all of them; one if it has none.

    Raises:
        UsageError: if there is no such suite, or the file says something that no suite can say.
    """
    path = built_in().get(name, Path(name))
    if not path.is_file():
        known = built_in()
        raise UsageError(
            f"Unknown suite {name!r}{suggestion(name, known)} Give a TOML file or one of: {', '.join(known)}."
        )
    try:
        return _read_parts(path)
    except UsageError as error:
        raise UsageError(f"Suite {path}: {error}") from error
    except Unreadable as error:
        raise UsageError(f"Cannot read the suite {path}. {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        allowed = ", ".join([*Suite.model_fields, "parts"])
        raise UsageError(
            f"suite {path}: {where}={quoted(first['input'])}: {first['msg'].lower()}; a suite has {allowed}"
        ) from error


def _read_parts(path: Path) -> list[Suite]:
    content = read_toml(path)
    parts = content.pop("parts", [{}])
    if not isinstance(parts, list) or not parts or not all(isinstance(part, dict) for part in parts):
        raise UsageError(f"parts={quoted(parts)}; expected tables, each written under [[parts]]")
    return [Suite.model_validate(content | part) for part in parts]


def select_parts(parts: Sequence[Suite], given: Mapping[str, Any]) -> list[Suite]:
    """The parts of a suite that a dataset, a model or splits named on the command line leave.

    In a suite of one part the command line replaces what the suite says; among several it chooses.

    Raises:
        UsageError: if it leaves none.
    """
    if len(parts) == 1:
        return list(parts)
    for kind in ("dataset", "model"):
        if kind in given:
            known = {_name(spec) for part in parts for spec in getattr(part, kind) or [None]}
            parts = [each for part in parts if (each := _restricted(part, kind, given[kind]))]
            asked = ",".join(str(_name(spec)) for spec in given[kind])
            _refuse_none(parts, kind, asked, {name or "the recommended one" for name in known})
    if "split" in given:
        known = {name for part in parts for name in part.split}
        shorter = [
            part.model_copy(update={"split": [name for name in given["split"] if name in part.split]}) for part in parts
        ]
        parts = [part for part in shorter if part.split]
        _refuse_none(parts, "split", ",".join(given["split"]), known)
    return list(parts)


def _restricted(part: Suite, kind: str, wanted: Sequence[Spec]) -> Suite | None:
    """Return a part with those of the wanted components that it has, as they are wanted; None if it has none."""
    names = {_name(spec) for spec in getattr(part, kind)}
    found = [spec for spec in wanted if _name(spec) in names]
    return part.model_copy(update={kind: found}) if found else None


def _refuse_none(parts: Sequence[Suite], kind: str, value: Any, known: Iterable[str]) -> None:
    if not parts:
        raise UsageError(f"No part of the suite uses --{kind} {value}. Available: {', '.join(sorted(known))}")


def _name(spec: Spec | None) -> str | None:
    if isinstance(spec, str):
        return spec.partition(":")[0]
    return spec.get("name") if spec else None
