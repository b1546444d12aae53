"""Specs, by which users choose components: ``dp_ir:sigma=0.1,delta=1e-6``, ``--sigma 0.05,0.1``."""

from __future__ import annotations

import sys
from collections.abc import Collection, Mapping
from dataclasses import FrozenInstanceError, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from .. import registry
from ..errors import UsageError, describe, message_of
from ..interfaces import Component
from ..utils.file_content import digests_of_named
from .entries import Entry, Kind
from .literals import NoValue, Text, read, write
from .recorded_parameters import require_restorable
from .refusals import BOUNDS, LIST_TYPES, refusal


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

    def __post_init__(self) -> None:
        """Raise a ``UsageError`` if records could not tell the component from one with other parameters."""
        require_restorable(self.component)

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
            **({"files": self._files} if self._files else {}),
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
    def _files(self) -> dict[str, str]:
        """The hash of each file that a parameter names. The fingerprint of the data stands for those of a dataset."""
        return {} if self.entry.kind == "datasets" else digests_of_named(vars(self.component).values())

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
        raise refusal(entry, error) from error


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
    return built if built and not wrong else _with_texts(component, values, {key: texts[key] for key in wrong})


def _with_texts(component: type[Component], values: Mapping[str, Any], texts: Mapping[str, str]) -> Component:
    """Build a component with some values as texts. Of a list where one is expected, say what is wrong in the list."""
    try:
        return make(component, {**values, **texts})
    except ValidationError as error:
        listed = {str(each["loc"][0]) for each in error.errors() if each["type"] in LIST_TYPES} & texts.keys()
        lists = {key: values[key] for key in listed if isinstance(values[key], list)}
        if not lists:
            raise
        return make(component, {**values, **texts, **lists})


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
