"""Python objects as components: own classes and instances, networks, images."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Protocol, cast

from pydantic import ValidationError
from torch import nn

from .. import registry
from ..errors import UsageError
from ..interfaces import Attack, Component, Dataset, Defense, Model
from ..registry import Kind
from ..registry.classes import check_class_variables
from ..registry.objects import entry_of
from ..registry.specs import ResolvedComponent, make
from ..utils.object_content import content_of
from ..utils.texts import quoted

BASES: dict[Kind, type[Component]] = {"attacks": Attack, "defenses": Defense, "models": Model, "datasets": Dataset}
HOLDERS: dict[Kind, str] = {"models": "module", "datasets": "arrays"}
"""The components that hold a network and images."""

POOLS = frozenset({"train", "aux", "private"})
"""The keys of a table of pools."""


class Holder(Protocol):
    """Define the class of a component that holds a Python object.

    Example: ``models.module.Module``, which holds a network.
    """

    def holding(self, given: Any, params: Mapping[str, Any]) -> Component:
        """Return the component that holds an object, with other parameters of the component."""
        ...


def resolve_object(kind: Kind, given: Any, params: Mapping[str, Any] | None = None) -> ResolvedComponent:
    """Return the component that an object is or that holds it.

    Args:
        kind: The kind of the component.
        given: An instance or a class of a component, a network, or images.
        params: The parameters that are given beside the object.

    Raises:
        UsageError: If the object cannot be used as a component of this kind.
    """
    if isinstance(given, Component) or (isinstance(given, type) and issubclass(given, Component)):
        return _own(kind, given, params or {})
    if isinstance(given, type) and issubclass(given, nn.Module) and kind == "models":
        raise UsageError(
            f"Expected a network, got the class {given.__name__}. Give an instance, as {given.__name__}()."
        )
    if kind not in HOLDERS or (kind == "models" and not isinstance(given, nn.Module)):
        raise refusal(kind, given)
    entry = registry.find(kind, HOLDERS[kind])
    holder = cast(Holder, registry.load(entry))
    try:
        return ResolvedComponent(entry, holder.holding(given, params or {}))
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]) if first["loc"] else "parameters"
        message = first["msg"].removeprefix("Value error, ").rstrip(".")
        raise UsageError(f"Invalid {name} beside the object among the {kind}: {message}. Correct it.") from error


def refusal(kind: Kind, given: Any) -> UsageError:
    """Return the error for a value that cannot be a component of a kind."""
    others = {"models": ", a torch.nn.Module", "datasets": ", images, (images, labels), a torch Dataset, an ImageSet"}
    return UsageError(
        f"Expected a name, a table with a name{others.get(kind, '')}, or a component among the {kind}, got "
        f"{quoted(given)}. Give one of these; `mia-bench list {kind}` shows the names."
    )


def _own(kind: Kind, given: Component | type[Component], params: Mapping[str, Any]) -> ResolvedComponent:
    made = given if isinstance(given, type) else type(given)
    base = BASES[kind]
    if not issubclass(made, base):
        raise UsageError(
            f"Expected a subclass of {base.__name__} among the {kind}, got {made.__name__}. Give such a class."
        )
    check_class_variables(kind, made, f"{base.__name__.lower()} {made.__name__}")
    component = rebuilt(given, params) if isinstance(given, Component) else _built(made, params)
    entry = entry_of(kind, made)
    if entry.content is not None and component.__pydantic_private__:
        content = content_of(entry.content, component.__pydantic_private__)
        entry = replace(entry, version=content, content=content)
    return ResolvedComponent(entry, component)


def rebuilt(component: Component, params: Mapping[str, Any]) -> Component:
    """Return a component with other values of some parameters.

    Raises:
        UsageError: If a value is not allowed.
    """
    if not params:
        return component
    given = {name: getattr(component, name) for name in component.model_fields_set}
    return _built(type(component), given | dict(params))


def _built(made: type[Component], params: Mapping[str, Any]) -> Component:
    try:
        return make(made, params)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(map(str, first["loc"]))
        message = first["msg"].removeprefix("Value error, ").rstrip(".")
        raise UsageError(
            f"Expected values for the parameters of {made.__name__}, got none that fit for {name}: {message}. "
            f"Give an instance, as {made.__name__}({name}=...)."
        ) from error
