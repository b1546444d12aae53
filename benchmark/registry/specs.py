"""Specs, by which users choose components: ``dp_ir:sigma=0.1,delta=1e-6``, ``--sigma 0.05,0.1``."""

from __future__ import annotations

import json
import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import FrozenInstanceError, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from .. import registry
from ..errors import UsageError, describe, message_of
from ..interfaces import Component
from ..utils.texts import shorten, shown
from .entries import Entry, Kind
from .literals import NoValue, Text, read, split_at_commas, write

BOUNDS = frozenset({"ge", "gt", "le", "lt"})
"""How pydantic names the bounds of a parameter."""
LIST_TYPES = frozenset({"tuple_type", "list_type", "set_type", "frozen_set_type"})
"""How pydantic names the errors of what should be a list."""
ONE_VALUE = ("_type", "_parsing", "literal_error", "enum")
"""How pydantic's names of the errors of what should be one number, text, word or switch end."""


@dataclass(frozen=True, eq=False)
class ResolvedComponent:
    """A component with its parameters and its provider.

    Attributes:
        entry: Provider of the component.
        component: The component itself.

    Example:
        >>> resolve("defenses", "dp_ir", {"sigma": 0.5}).label
        'dp_ir:sigma=0.5'
    """

    entry: Entry
    component: Component

    @property
    def name(self) -> str:
        """The name that the user wrote."""
        return self.entry.name

    @property
    def identity(self) -> dict[str, Any]:
        """Everything that determines the scores of the component, JSON-serializable."""
        code = {} if self.entry.content is None else {"content": self.entry.content}
        component, fields = self.component, type(self.component).model_fields
        unused = {name for name in component.added if getattr(component, name) == fields[name].get_default()}
        return {
            "name": self.name,
            "package": self.entry.package,
            "version": self.component.version,
            "params": component.model_dump(mode="json", exclude=unused),
            **code,
        }

    @property
    def is_object(self) -> bool:
        """Whether the component exists in this Python session alone: no other process can make it."""
        return self.entry.content is not None or self.component.holds_object

    @property
    def is_plugin(self) -> bool:
        """Whether an installed package other than this one provides the component."""
        return self.entry.foreign and self.entry.content is None

    @property
    def source(self) -> str:
        """The path of the file that defines the class of a plug-in; empty for other components."""
        module = type(self.component).__module__
        own = self.is_plugin and module.partition(".")[0] == self.entry.target.partition(":")[0].partition(".")[0]
        return str(getattr(sys.modules.get(module), "__file__", None) or "") if own else ""

    @property
    def label(self) -> str:
        """Name and explicitly given parameters, in the syntax of the command line."""
        given = self.component.model_fields_set
        return self._spec(self.component.model_dump(mode="json", include=given, exclude_none=True))

    @property
    def canonical(self) -> str:
        """Name and parameters that differ from their defaults. Equal components have equal canonical names."""
        return self._spec(self.component.model_dump(mode="json", exclude_defaults=True))

    def with_paths(self, *, absolute: bool = True) -> str:
        """Return what a command takes: the canonical name with the paths of files, of which that has the hashes.

        Args:
            absolute: Whether relative paths begin at the working folder, so that other folders need absolute ones.
        """
        params = self.component.model_dump(mode="json", exclude_defaults=True)
        values = {key: getattr(self.component, key, None) for key in params}
        paths = {key: getattr(value, "path", value) for key, value in values.items()}
        found = {key: path.absolute() if absolute else path for key, path in paths.items() if isinstance(path, Path)}
        return self._spec(params | {key: str(path) for key, path in found.items()})

    def _spec(self, params: dict[str, Any]) -> str:
        written = ",".join(f"{key}={write(value)}" for key, value in params.items())
        return f"{self.name}:{written}" if written else self.name

    def __eq__(self, other: object) -> bool:
        """Return whether provider and identity are equal."""
        if not isinstance(other, ResolvedComponent):
            return NotImplemented
        return (self.entry, self._identity_text) == (other.entry, other._identity_text)

    def __hash__(self) -> int:
        """Hash the identity."""
        return hash(self._identity_text)

    @cached_property
    def _identity_text(self) -> str:
        """The identity as text, since a parameter may be a list, which is not hashable."""
        return str(self.identity)


def resolve(kind: Kind, name: str, params: Mapping[str, Any]) -> ResolvedComponent:
    """Find and build one component.

    Raises:
        UsageError: If the name is unknown, or a parameter is unknown or out of its range.
    """
    entry = registry.find(kind, name)
    return ResolvedComponent(entry, instantiate(entry, params))


def instantiate(entry: Entry, params: Mapping[str, Any]) -> Component:
    """Build the component of an entry.

    Raises:
        UsageError: If a parameter is unknown or out of its range. The message names each such parameter.
    """
    return build(entry, registry.load(entry), params)


def build(entry: Entry, loaded: type[Component], params: Mapping[str, Any]) -> Component:
    """Build a component of a class.

    Raises:
        UsageError: If a parameter is unknown or out of its range. The message names each such parameter.
    """
    names = parameter_names(loaded)
    for key in params:
        if key not in names and key not in loaded.model_fields:
            raise UsageError(
                f"The {entry.noun} {entry.name!r} has no parameter {key!r}"
                f"{registry.suggestion(key, names)} Its parameters: {', '.join(names) or 'none'}."
            )
    missing = [field.alias or name for name, field in loaded.model_fields.items() if field.is_required()]
    if missing := [name for name in missing if name not in params]:
        raise UsageError(
            f"Expected the parameter {missing[0]!r} of the {entry.noun} {entry.name!r}, got none. Write it as in "
            f"{entry.name}:{missing[0]}=VALUE."
        )
    try:
        return _typed(loaded, params)
    except ValidationError as error:
        problems = _problems(entry, error.errors())
        words = "; ".join(problems)
        end = "" if words.endswith("?") else "."
        remedy = "" if all(map(_says_what_to_do, problems)) else _remedy(entry)
        raise UsageError(f"Invalid parameters of the {entry.noun} {entry.name!r}: {words}{end}", remedy) from error


def parameter_names(component: type[Component]) -> list[str]:
    """List the names that users write for the parameters: the alias of a field that has one."""
    return [field.alias or name for name, field in component.model_fields.items()]


def _typed(component: type[Component], params: Mapping[str, Any]) -> Component:
    """Build a component. Read each text from the command line as a value that its parameter accepts, else as text."""
    texts = {key: str(value) for key, value in params.items() if isinstance(value, Text)}
    values = {**params, **{key: read(text) for key, text in texts.items()}}
    try:
        built = make(component, values)
        wrong = {key for key in texts if isinstance(values[key], bool) and not isinstance(getattr(built, key), bool)}
        _require_values(params, wrong)
    except ValidationError as error:
        errors = [each for each in error.errors() if each["loc"]]
        _require_values(params, {str(each["loc"][0]) for each in errors})
        outside = {each["loc"][0] for each in errors if BOUNDS & each.get("ctx", {}).keys()}
        wrong = {str(each["loc"][0]) for each in errors if each["loc"][0] not in outside} & texts.keys()
        if not wrong:
            raise
        built = None
    return built if built and not wrong else make(component, {**values, **{key: texts[key] for key in wrong}})


def _require_values(params: Mapping[str, Any], wrong: Collection[str]) -> None:
    """Raise if an option was written without a value, though its parameter is not one that is true or false."""
    for key, value in params.items():
        if key in wrong and isinstance(value, NoValue):
            option = f"--{key.replace('_', '-')}"
            raise UsageError(f"Expected a value of {option}, got none. Write {option} VALUE.")


def make(component: type[Component], values: Mapping[str, Any]) -> Component:
    """Call a class with values of its parameters.

    Raises:
        ValidationError: If a parameter does not allow its value.
        UsageError: If the class cannot be instantiated for another reason.
    """
    try:
        return component(**values)
    except (ValidationError, UsageError):
        raise
    except Exception as error:
        name = component.__name__
        if isinstance(error, FrozenInstanceError):  # Component says what to do
            raise UsageError(message_of(error)) from error
        if abstract := sorted(getattr(component, "__abstractmethods__", ())):
            raise UsageError(
                f"Expected {name} to define {', '.join(abstract)}, got a class without. Check the spelling of its "
                "methods, or define what is missing."
            ) from error
        raise UsageError(
            f"Expected {name} to be made from its parameters, got {describe(error).removesuffix('.')}. Mend the class."
        ) from error


def _problems(entry: Entry, errors: Sequence[Any]) -> list[str]:
    """Describe errors. Where a parameter may be of several types, only what is wrong with the type that was given."""
    typed = {each["loc"][:1] for each in errors if not _is_about_type(each)}
    kept = [each for each in errors if not _is_about_type(each) or each["loc"][:1] not in typed]
    lists = {
        each["loc"][0]
        for each in errors
        if each["type"] in LIST_TYPES or any(isinstance(part, int) for part in each["loc"])
    }
    return list(dict.fromkeys(_sweep(entry, each) if _is_sweep(each, lists) else _problem(each) for each in kept))


def _is_about_type(error: Any) -> bool:
    return error["type"].endswith("_type")


def _says_what_to_do(problem: str) -> bool:
    """Return whether a problem is described in several sentences, of which the last one is the remedy."""
    return ". " in problem or problem.endswith("?")


def _remedy(entry: Entry) -> str:
    if entry.name in registry.names(entry.kind):
        return f"Run mia-bench show {entry.name} to see what each parameter takes."
    return "Choose other values."


def _problem(error: Any) -> str:
    message = error["msg"].removeprefix("Value error, ").removesuffix(".")
    for bound in BOUNDS & error.get("ctx", {}).keys():  # The message writes 1e-100 with 100 zeros.
        message = f"{message.rpartition(' ')[0]} {error['ctx'][bound]:g}"
    if not error["loc"]:
        return message
    name, *inner = error["loc"]
    place = ".".join(map(str, [name, *(each for each in inner if isinstance(each, int))]))  # without names of types
    as_list = f". Write it as {place}={_as_list(error['input'])}" if error["type"] in LIST_TYPES and not inner else ""
    return f"{_given(place, error)}: {message[0].lower()}{message[1:]}{as_list}"


def _given(place: str, error: Any) -> str:
    return f"{place}={shorten(shown(error['input']), 100)}"


def _as_list(value: Any) -> str:
    """Write a value that is not a list as one, as ``1,2`` becomes ``[1,2]``."""
    if isinstance(value, str):
        value = _read_each(value.strip('"'))
    return write(value if isinstance(value, list) else [value])


def _is_sweep(error: Any, lists: Collection[str | int]) -> bool:
    """Return whether a list was given to a parameter that is none of ``lists``, which take one."""
    is_named = error["type"].endswith(ONE_VALUE) and error["loc"][:1]
    return bool(is_named) and error["loc"][0] not in lists and bool(_listed(error["input"]))


def _listed(value: Any) -> list[Any]:
    """Return the values of a list, also of one in a text, as ``[a,b]``; none for anything else."""
    if isinstance(value, str):
        value = _read_each(value[1:-1]) if value.startswith("[") and value.endswith("]") and len(value) > 2 else []
    is_list = isinstance(value, list | tuple) and all(isinstance(each, str | float | int) for each in value)
    return list(value) if is_list else []


def _read_each(text: str) -> list[Any]:
    return [read(part.strip()) for part in split_at_commas(text)]


def _sweep(entry: Entry, error: Any) -> str:
    """Say how several values are written of which each is tried."""
    name, values = error["loc"][0], _listed(error["input"])
    refused = f"{_given(name, error)}: expected one value, got a list"
    if entry.kind not in ("attacks", "defenses"):
        return f"{refused}. To try each of its values, name {entry.name} once for each"
    option, words = name.replace("_", "-"), shorten(",".join(map(write, values)), 100)
    return (
        f"{refused}. A list of values is a sweep. Write it as --{option} {words}, as {name} = "
        f"{shorten(json.dumps(values), 100)} under [options] of a suite (options in Python), or name {entry.name} once "
        "for each value"
    )
