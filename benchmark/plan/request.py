"""What a user asks for: one declaration for the command line, TOML suites and Python."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field, field_validator, model_validator

from .. import registry
from ..errors import UsageError
from ..interfaces import Component
from ..registry import Kind
from ..utils.declaration import Declaration
from ..utils.texts import LARGEST_WHOLE, quoted
from .lists import Spec, list_names, list_seeds, list_specs, list_values

KINDS: dict[str, Kind] = {"dataset": "datasets", "model": "models", "attacks": "attacks", "defenses": "defenses"}
"""The registry of each field that names components."""


class Request(Declaration):
    """What a user asks for; the defaults are those of ``mia-bench run``.

    Each field takes a single value or several, and a text may hold several names with commas between them. Components
    are names with parameters (``dp_ir:sigma=0.1``), mappings with ``name`` and parameters, or component objects.

    Attributes:
        dataset: the datasets.
        model: the target models; none means the recommendation of each dataset.
        splits: the last layers on the client, also written ``split``; none means the recommendation of each dataset.
        attacks: the attacks; none means all standard ones. The reference attack is always among them.
        defenses: the defenses; none means all built-in ones. The undefended network is always among them.
        seeds: one run of everything for each.
        images: how many private images are attacked.
        options: the values of parameters, for every chosen attack or defense that has them; several make a sweep.

    Example:
        >>> Request(attacks="ridge,white_box", defenses={"name": "dp_ir", "sigma": 0.5}, split="relu1").splits
        ['relu1']
    """

    dataset: list[str | dict[str, Any]] = Field(["photos"], min_length=1, description="one or several datasets")
    model: list[str | dict[str, Any]] = Field([], description="names of models")
    splits: list[str] = Field([], description="names of layers, such as relu1")
    attacks: list[str | dict[str, Any]] = Field([], description="names of attacks")
    defenses: list[str | dict[str, Any]] = Field([], description="names of defenses")
    seeds: list[Annotated[int, Field(strict=True, ge=0, le=LARGEST_WHOLE)]] = Field(
        [0], min_length=1, description="one or several whole numbers of at least 0, such as 0"
    )
    images: int = Field(64, strict=True, ge=1, le=LARGEST_WHOLE, description="a whole number of at least 1, such as 64")
    options: dict[str, list[Any]] = Field({}, description="a table of parameters and their values")

    @model_validator(mode="before")
    @classmethod
    def _takes_split_for_splits(cls, values: Any) -> Any:
        if "split" in values:
            if "splits" in values:
                raise UsageError("Expected either split or splits, got both. Leave one out.")
            values = {"splits" if name == "split" else name: value for name, value in values.items()}
        return values

    @field_validator(*KINDS, mode="before")
    @classmethod
    def _lists_specs(cls, value: Any, info: Any) -> Any:
        return [as_spec(KINDS[info.field_name], each) for each in list_specs(value)]

    @field_validator("splits", mode="before")
    @classmethod
    def _lists_names(cls, value: Any) -> Any:
        return list_names(value)

    @field_validator("seeds", mode="before")
    @classmethod
    def _lists_seeds(cls, value: Any) -> Any:
        return list_seeds(value)

    @field_validator("options", mode="before")
    @classmethod
    def _lists_values(cls, options: Any) -> Any:
        if not isinstance(options, Mapping):
            return options
        swept = {name: list_values(value) for name, value in options.items()}
        for name, values in swept.items():
            if not values:
                raise UsageError(
                    f"Expected at least one value for the option {name}, got []. Give one, or leave it out."
                )
        return swept


def as_spec(kind: Kind, choice: Any) -> Spec:
    """Return a component as a name or as a mapping with ``name`` and the parameters that were given.

    Raises:
        UsageError: if it is neither of these nor an object of an installed class.
    """
    if isinstance(choice, str):
        return choice
    if isinstance(choice, Mapping):
        return dict(choice)
    if not isinstance(choice, Component):
        raise UsageError(
            f"Expected a name, a table with a name, or a component among the {kind}, got {quoted(choice)}. "
            f"`mia-bench list {kind}` shows the names."
        )
    target = f"{type(choice).__module__}:{type(choice).__qualname__}"
    for name, entries in registry.providers(kind).items():
        if any(entry.target == target for entry in entries):
            given = {field: getattr(choice, field) for field in choice.model_fields_set}
            return {"name": name, "params": given} if "name" in given else {"name": name, **given}
    raise UsageError(
        f"Expected one of the {kind} that are installed, got {target}. Install a package that provides it; "
        "`mia-bench new` writes one."
    )
