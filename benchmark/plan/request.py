"""What a user asks for: one declaration for the command line, TOML suites and Python."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field, InstanceOf, field_validator, model_validator
from torch import Tensor

from ..errors import UsageError
from ..registry import Kind
from ..registry.specs import ResolvedComponent
from ..registry.sweeps import Spec
from ..utils.declaration import Declaration
from ..utils.plurals import count_of
from ..utils.texts import LARGEST_WHOLE
from .lists import list_names, list_seeds, list_specs, list_values, plain
from .objects import POOLS, resolve_object

GivenSpec = str | dict[str, Any] | InstanceOf[ResolvedComponent]
KINDS: dict[str, Kind] = {"dataset": "datasets", "model": "models", "attacks": "attacks", "defenses": "defenses"}
"""The registry of each field that names components."""
WITHOUT = {
    "model": "the one that each dataset recommends",
    "splits": "the one that each dataset recommends",
    "attacks": "all standard ones",
    "defenses": "all built-in ones, or give undefended for none",
}
"""What is chosen where a field is left out, in words."""


class Request(Declaration):
    """What a user asks for; the defaults are those of ``mia-bench run``.

    Each field takes a single value or several, and a text may hold several names with commas between them. Components
    are names with parameters (``dp_ir:sigma=0.1``), mappings with ``name`` and parameters, or objects: components,
    their classes, networks, images. Numbers may be NumPy's, and lists may be arrays, ranges, sets or generators. None
    stands for a field that is left out.

    Attributes:
        dataset: The datasets.
        model: The target models; by default the recommendation of each dataset.
        splits: The last layers on the client, also written ``split``; by default the recommendation of each dataset.
        attacks: The attacks; by default all standard ones. The reference attack is always among them.
        defenses: The defenses; by default all built-in ones. The undefended network is always among them.
        seeds: One run of everything for each.
        images: How many private images are attacked.
        options: The values of parameters, for every chosen attack or defense that has them; several make a sweep.

    Example:
        >>> Request(attacks="ridge,white_box", defenses={"name": "dp_ir", "sigma": 0.5}, split="relu1").splits
        ['relu1']
    """

    dataset: list[GivenSpec] = Field(["photos"], min_length=1, description="one or several datasets")
    model: list[GivenSpec] = Field([], description="names of models")
    splits: list[str] = Field([], description='names of layers, such as relu1 or "1"')
    attacks: list[GivenSpec] = Field([], description="names of attacks")
    defenses: list[GivenSpec] = Field([], description="names of defenses")
    seeds: list[Annotated[int, Field(strict=True, ge=0, le=LARGEST_WHOLE)]] = Field(
        [0], min_length=1, description="one or several whole numbers from 0 to 2**63 - 1, such as 0"
    )
    images: int = Field(64, strict=True, ge=1, le=LARGEST_WHOLE, description="a whole number of at least 1, such as 64")
    options: dict[str, list[Any]] = Field({}, description="a table of parameters and their values")

    @model_validator(mode="before")
    @classmethod
    def _takes_none_and_split(cls, values: Any) -> Any:
        values = {name: value for name, value in values.items() if value is not None}
        if "split" in values:
            if "splits" in values:
                raise UsageError("Expected either split or splits, got both. Leave one out.")
            values = {"splits" if name == "split" else name: value for name, value in values.items()}
        return values

    @field_validator(*KINDS, mode="before")
    @classmethod
    def _lists_specs(cls, value: Any, info: Any) -> Any:
        return _filled([as_spec(KINDS[info.field_name], each) for each in list_specs(value)], info.field_name)

    @field_validator("splits", mode="before")
    @classmethod
    def _lists_names(cls, value: Any) -> Any:
        return _filled(list_names(value), "splits")

    @field_validator("images", mode="before")
    @classmethod
    def _takes_numbers_of_numpy(cls, value: Any) -> Any:
        return plain(value)

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


def _filled(listed: list[Any], field: str) -> list[Any]:
    """Return a list, unless it is empty though it was given, which would mean everything."""
    if not listed and field in WITHOUT:
        raise UsageError(f"Expected at least one name in {field}, got []. Leave out {field} for {WITHOUT[field]}.")
    return listed


def as_spec(kind: Kind, choice: Any) -> Spec:
    """Return a component as a name, as a mapping with ``name`` and the parameters that were given, or as it is.

    Raises:
        UsageError: If it is neither of these nor an object that can be used as a component.
    """
    if isinstance(choice, str | ResolvedComponent):
        return choice
    if not isinstance(choice, Mapping):
        return _by_name(resolve_object(kind, choice))
    if kind == "datasets" and choice.keys() & POOLS:
        return resolve_object(kind, choice)
    if kind == "models" and "name" not in choice and any(isinstance(value, Tensor) for value in choice.values()):
        raise UsageError(
            f"Expected a network, got a table of {count_of(len(choice), 'weight')}. Give the network that has them, "
            "after network.load_state_dict(weights)."
        )
    given = {name: plain(value) if name != "name" else value for name, value in choice.items()}
    if "name" in given and not isinstance(given["name"], str):
        return resolve_object(kind, given.pop("name"), given)
    return given


def _by_name(resolved: ResolvedComponent) -> Spec:
    """Return an installed component as a mapping, and one that exists in this Python session alone as it is."""
    if resolved.is_object:
        return resolved
    component = resolved.component
    given = {field: getattr(component, field) for field in component.model_fields_set}
    return {"name": resolved.name, "params": given} if "name" in given else {"name": resolved.name, **given}
