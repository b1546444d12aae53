"""From specs and free options to components: an option goes to those that have it; several values make a sweep."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

from .. import registry
from ..errors import UsageError
from ..interfaces import Component
from ..utils.texts import quoted
from .entries import Entry, Kind
from .literals import parse
from .specs import ResolvedComponent, build, instantiate, parameter_names

Spec = str | Mapping[str, Any] | ResolvedComponent
"""A component: ``dp_ir:sigma=0.1``, a mapping with ``name`` and parameters, or the component itself."""


def expand_sweeps(kind: Kind, specs: Sequence[Spec], options: Mapping[str, Sequence[Any]]) -> list[ResolvedComponent]:
    """Build the components that specs name. Each receives the free options that it has; several values make a sweep.

    Args:
        kind: Kind of all these components.
        specs: Texts ``name:key=value``, mappings with ``name`` and parameters (from TOML), or components.
        options: Values for each free option. Parameters in a spec take precedence.

    Example:
        >>> [each.label for each in expand_sweeps("defenses", ["dp_ir"], {"sigma": [0.1, 0.5]})]
        ['dp_ir:sigma=0.1', 'dp_ir:sigma=0.5']
    """
    chosen: dict[str, ResolvedComponent] = {}
    for spec in specs:
        entry, params = _chosen(kind, spec)
        names = parameter_names(_class_of(entry, spec))
        swept = {key: values for key, values in options.items() if key in names and key not in params}
        for values in itertools.product(*swept.values()):
            one = _with_params(entry, spec, {**params, **dict(zip(swept, values, strict=True))})
            chosen.setdefault(str(one.identity), one)
    return list(chosen.values())


def _chosen(kind: Kind, spec: Spec) -> tuple[Entry, Mapping[str, Any]]:
    """Return the entry of a component and its parameters that were given."""
    if isinstance(spec, ResolvedComponent):
        component = spec.component
        fields = {name: field.alias or name for name, field in type(component).model_fields.items()}
        return spec.entry, {fields[name]: getattr(component, name) for name in component.model_fields_set}
    name, params = parse(spec) if isinstance(spec, str) else _from_mapping(kind, spec)
    return registry.find(kind, name), params


def _class_of(entry: Entry, spec: Spec) -> type[Component]:
    return type(spec.component) if isinstance(spec, ResolvedComponent) else registry.load(entry)


def _with_params(entry: Entry, spec: Spec, params: Mapping[str, Any]) -> ResolvedComponent:
    """Return a component with all its parameters: an object as it is, unless a parameter differs from its own."""
    if not isinstance(spec, ResolvedComponent):
        return ResolvedComponent(entry, instantiate(entry, params))
    if len(params) == len(spec.component.model_fields_set):
        return spec
    return ResolvedComponent(entry, build(entry, type(spec.component), params))


def _from_mapping(kind: Kind, spec: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    if not isinstance(spec.get("name"), str):
        raise UsageError(
            f"Expected a name, or a table with a name and parameters, got {quoted(dict(spec))} in {kind}. Add a name."
        )
    if spec.keys() == {"name", "params"} and isinstance(spec["params"], Mapping):  # one of which may be a name, too
        return spec["name"], dict(spec["params"])
    return spec["name"], {key: value for key, value in spec.items() if key != "name"}


class UnknownOption(UsageError):
    """A free option that none of the chosen components has.

    Attributes:
        option: Its name.
        known: The options of the chosen components.

    Example:
        >>> print(UnknownOption("sigam", ["sigma"]))
        No chosen attack or defense has the option --sigam. Did you mean 'sigma'? Their options: sigma.
    """

    def __init__(self, option: str, known: Sequence[str], own: Sequence[str] = ()) -> None:
        """Say what is wrong, with the nearest name among the known options and those in ``own``."""
        self.option, self.known = option, known
        meant = registry.suggestion(option, [*known, *own])
        super().__init__(
            f"No chosen attack or defense has the option --{option.replace('_', '-')}{meant} "
            f"Their options: {', '.join(known) or 'none'}."
        )

    def among(self, own: Sequence[str]) -> UsageError:
        """Return the error for a caller whose own options may have been meant.

        Args:
            own: The names of these options, as the caller's users write them.
        """
        written = f"--{self.option.replace('_', '-')}"
        if written in own:
            return UsageError(f"Expected {written}, which is an option of run, got {self.option!r}. Write {written}.")
        return UnknownOption(self.option, self.known, own)


class OverriddenOption(UsageError):
    """A free option without an effect, since each chosen component that has it was given its own value.

    Attributes:
        option: Its name.

    Example:
        >>> OverriddenOption("sigma", "dp_ir").option
        'sigma'
    """

    def __init__(self, option: str, owner: str) -> None:
        """Say that ``owner`` sets the option itself."""
        self.option = option
        super().__init__(
            f"Expected --{option.replace('_', '-')} to set a parameter of a chosen attack or defense, but {owner} "
            "sets it itself. Leave one of them out."
        )


def check_options(options: Mapping[str, Sequence[Any]], kinds: Mapping[Kind, Sequence[Spec]]) -> None:
    """Check that each free option sets a parameter of at least one of the chosen components.

    Args:
        options: Free options and their values.
        kinds: Chosen specs of each kind.

    Raises:
        UnknownOption: If no chosen component has an option. The message suggests the nearest existing one.
        OverriddenOption: If all that have an option set it themselves.
    """
    owners: dict[str, list[str]] = {}
    free: set[str] = set()
    for kind, specs in kinds.items():
        for spec in specs:
            entry, params = _chosen(kind, spec)
            names = parameter_names(_class_of(entry, spec))
            free |= set(names) - set(params)
            for name in names:
                owners.setdefault(name, []).append(entry.name)
    for option in options:
        if option not in owners:
            raise UnknownOption(option, sorted(owners))
        if option not in free:
            raise OverriddenOption(option, owners[option][0])
