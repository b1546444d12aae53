"""Declarations of what users ask for, which say in one sentence what is wrong with a value."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

from pydantic import BaseModel, ConfigDict, ValidationError

from ..errors import UsageError, similar
from .texts import quoted


class Declaration(BaseModel):
    """What a user asks for: the same fields and the same errors on the command line, in TOML and in Python.

    The description of each field completes the sentence "Expected FIELD to be ...".

    Example:
        >>> from pydantic import Field
        >>> class Order(Declaration):
        ...     jobs: int = Field(1, ge=1, description="a whole number of at least 1, such as 2")
        >>> Order(jobs=0)
        Traceback (most recent call last):
            ...
        mia_bench.benchmark.errors.UsageError: Expected jobs to be a whole number of at least 1, such as 2, got 0.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    def __init__(self, **values: Any) -> None:
        """Validate the values of fields.

        Raises:
            UsageError: If a field does not exist, or its value is not allowed.
        """
        try:
            super().__init__(**values)
        except ValidationError as error:
            errors = cast(list[dict[str, Any]], error.errors())
            first = min(
                errors, key=lambda each: each["type"] != "extra_forbidden"
            )  # a wrong name explains a missing one
            raise UsageError(self._sentence(first)) from error

    @classmethod
    def _sentence(cls, error: dict[str, Any]) -> str:
        if not error["loc"]:
            return error["msg"].removeprefix("Value error, ")
        name = str(error["loc"][0])
        if name not in cls.model_fields:
            return unknown_name(name, cls.model_fields)
        if error["type"] == "missing":
            return f"Expected {name} to be {cls.model_fields[name].description}, got none. Add it."
        return refusal(cls, name, error["input"])


def unknown_name(name: str, known: Iterable[str]) -> str:
    """Return the sentence that refuses a name, with the similar one that may be meant.

    Example:
        >>> unknown_name("part", ["images", "parts"])
        "Expected one of images, parts, got 'part'. Did you mean 'parts'?"
    """
    names = list(known)
    near = similar(name, names)
    mend = f"Did you mean {near[0]!r}?" if near else "Correct the name or leave it out."
    return f"Expected one of {', '.join(names)}, got {name!r}. {mend}"


def refusal(declaration: type[Declaration], field: str, value: object) -> str:
    """Return the sentence that refuses a value of a field.

    Args:
        declaration: The class that has the field.
        field: Its name.
        value: What was given.
    """
    return f"Expected {field} to be {declaration.model_fields[field].description}, got {quoted(value)}."
