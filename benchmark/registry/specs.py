"""What users write to choose components: ``dp_ir:sigma=0.1,delta=1e-6``, ``--sigma 0.05,0.1``."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from .. import registry
from ..errors import UsageError
from ..interfaces import Component
from .entries import Entry, Kind
from .literals import Text, divide, read, write


@dataclass(frozen=True, eq=False)
class ResolvedComponent:
    """A component with its parameters, and who provides it."""

    entry: Entry
    component: Component

    @property
    def name(self) -> str:
        """The name the user wrote."""
        return self.entry.name

    @property
    def identity(self) -> dict[str, Any]:
        """All that its scores depend on, JSON-serializable."""
        return {
            "name": self.name,
            "package": self.entry.package,
            "version": self.component.version,
            "params": self.component.model_dump(mode="json"),
        }

    @property
    def label(self) -> str:
        """Name and given parameters in the syntax of the command line."""
        given = self.component.model_fields_set
        return self._spec(self.component.model_dump(mode="json", include=given, exclude_none=True))

    @property
    def canonical(self) -> str:
        """Name and those parameters that differ from their defaults: the same for the same component."""
        return self._spec(self.component.model_dump(mode="json", exclude_defaults=True))

    def _spec(self, params: dict[str, Any]) -> str:
        written = ",".join(f"{key}={write(value)}" for key, value in params.items())
        return f"{self.name}:{written}" if written else self.name

    def __eq__(self, other: object) -> bool:
        """Compare by identity and provider."""
        return isinstance(other, ResolvedComponent) and (self.entry, self.identity) == (other.entry, other.identity)

    def __hash__(self) -> int:
        """Hash what identifies it; a parameter may be a list, which has no hash of its own."""
        return hash(str(self.identity))


def parse(spec: str) -> tuple[str, dict[str, Text]]:
    """Split ``name:key=value,key=value`` into the name and its parameters; lists are written ``key=[1,2]``.

    Raises:
        UsageError: if several names are given, or a parameter has no ``=``.
    """
    name, _, rest = spec.partition(":")
    if "," in name:
        raise UsageError(f"Expected one name, got {name!r}. Write each name on its own")
    params: dict[str, Text] = {}
    for part in filter(None, divide(rest)):
        key, equals, value = part.partition("=")
        if not equals:
            raise UsageError(f"{spec!r} has {part!r} where key=value is expected, as in {name}:key=value,key=value")
        if key.strip() in params:
            raise UsageError(f"{spec!r} gives {key.strip()!r} twice")
        params[key.strip()] = Text(value.strip())
    return name.strip(), params


def resolve(kind: Kind, name: str, params: Mapping[str, Any]) -> ResolvedComponent:
    """Build one component.

    Raises:
        UsageError: if the name is unknown, or a parameter is unknown or out of its bounds.
    """
    entry = registry.find(kind, name)
    return ResolvedComponent(entry, instantiate(entry, params))


def instantiate(entry: Entry, params: Mapping[str, Any]) -> Component:
    """Build the component of an entry, saying in one sentence what is wrong with its parameters."""
    loaded = entry.load()
    for key in params:
        if key not in loaded.model_fields:
            known = ", ".join(loaded.model_fields) or "it has none"
            raise UsageError(
                f"{entry.noun} {entry.name!r} has no parameter {key!r}{registry.nearest(key, loaded.model_fields)}; "
                f"its parameters: {known}"
            )
    try:
        return _typed(loaded, params)
    except ValidationError as error:
        raise UsageError(f"{entry.noun} {entry.name!r}: {'; '.join(map(_sentence, error.errors()))}") from error


def _typed(component: type[Component], params: Mapping[str, Any]) -> Component:
    """Build a component, reading values from the command line as what their parameters accept, or else as text."""
    texts = {key: str(value) for key, value in params.items() if isinstance(value, Text)}
    values = {**params, **{key: read(text) for key, text in texts.items()}}
    try:
        built = component(**values)
        wrong = {key for key in texts if isinstance(values[key], bool) and not isinstance(getattr(built, key), bool)}
    except ValidationError as error:
        wrong = {str(each["loc"][0]) for each in error.errors() if each["loc"]} & texts.keys()
        if not wrong:
            raise
        built = None
    return built if built and not wrong else component(**{**values, **{key: texts[key] for key in wrong}})


def _sentence(error: Any) -> str:
    message = error["msg"].removeprefix("Value error, ")
    for bound in {"ge", "gt", "le", "lt"} & error.get("ctx", {}).keys():  # the message writes 1e-100 with 100 zeros
        message = f"{message.rpartition(' ')[0]} {error['ctx'][bound]:g}"
    if not error["loc"]:
        return message
    return f"{'.'.join(map(str, error['loc']))}={error['input']}: {message[0].lower()}{message[1:]}"


def expand_sweeps(
    kind: Kind, specs: Sequence[str | Mapping[str, Any]], options: Mapping[str, Sequence[Any]]
) -> list[ResolvedComponent]:
    """Build the components named by specs, giving each the free options that it has; several values make a sweep.

    Args:
        kind: the registry of all these specs.
        specs: ``name:key=value`` texts, or mappings with ``name`` and parameters (from TOML).
        options: values for each free option; parameters written in a spec win.
    """
    chosen: dict[str, ResolvedComponent] = {}
    for spec in specs:
        name, params = parse(spec) if isinstance(spec, str) else _from_mapping(kind, spec)
        fields = registry.find(kind, name).load().model_fields
        swept = {key: values for key, values in options.items() if key in fields and key not in params}
        for values in itertools.product(*swept.values()):
            one = resolve(kind, name, {**params, **dict(zip(swept, values, strict=True))})
            chosen.setdefault(str(one.identity), one)
    return list(chosen.values())


def _from_mapping(kind: Kind, spec: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    if not isinstance(spec.get("name"), str):
        raise UsageError(f"an entry of {kind} is {dict(spec)}; expected a name, or a table with a name and parameters")
    return spec["name"], {key: value for key, value in spec.items() if key != "name"}


def check_options(
    options: Mapping[str, Sequence[Any]], kinds: Mapping[Kind, Sequence[str | Mapping[str, Any]]], own: Sequence[str]
) -> None:
    """Refuse a free option that none of the chosen components has.

    Args:
        options: the free options and their values.
        kinds: the specs that were chosen.
        own: options that ``run`` itself has, which may have been meant.

    Raises:
        UsageError: naming the nearest parameter that there is.
    """
    owners: dict[str, list[str]] = {}
    for kind, specs in kinds.items():
        for spec in specs:
            name = (parse(spec) if isinstance(spec, str) else _from_mapping(kind, spec))[0]
            for field in registry.find(kind, name).load().model_fields:
                owners.setdefault(field, []).append(name)
    for option in options:
        if option in owners:
            continue
        written = f"--{option.replace('_', '-')}"
        if written in own:
            raise UsageError(
                f"{option!r} is no parameter of a chosen attack or defense; the option of run is {written}"
            )
        known = ", ".join(sorted(owners)) or "none"
        raise UsageError(
            f"no chosen attack or defense has the option {written}{registry.nearest(option, [*owners, *own])}; "
            f"their options: {known}"
        )
