"""The check that every parameter has an effect."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

from pydantic import ValidationError

from ..interfaces import Attack, Component
from .check import Skipped, require
from .effects import REFUSED, REFUSED_EVERYWHERE, effects, scenes
from .lab import Lab, Place, small_network

ENOUGH_SECONDS = 20
"""Processor seconds after which the search for effects ends; the check names the parameters that are left."""


def own_fields(component: type[Component]) -> list[str]:
    """Return the parameters of a component, except those that the harness handles."""
    return [name for name in component.model_fields if name not in Attack.model_fields]


def alternatives(component: Component, name: str) -> list[Any]:
    """Return other values that a parameter may have beside the other parameters."""
    schema = type(component).model_json_schema(by_alias=False)["properties"][name]
    default = getattr(component, name)
    found = []
    for value in dict.fromkeys(_values(schema, default)):
        if (value, type(value)) == (default, type(default)):
            continue
        try:
            found.append(getattr(vary(component, **{name: value}), name))
        except ValidationError:
            continue
    return found


def _values(schema: dict[str, Any], default: Any) -> Iterator[Any]:
    for option in schema.get("anyOf", [schema]):
        if "enum" in option:
            yield from option["enum"]
            continue
        low, high = option.get("minimum", option.get("exclusiveMinimum")), option.get("maximum")
        match option.get("type"):
            case "boolean":
                yield not default
            case "integer":
                numbers = [default // 2, default * 2] if isinstance(default, int) and default else [2, 4]
                yield from [
                    each for each in (*numbers[:1], low, *numbers[1:], high) if each is not None
                ]  # the cheaper first
            case "number":
                numbers = [default / 2, default * 2] if isinstance(default, int | float) and default else []
                yield from [*numbers, 1.0, 0.5, 0.1, 8.0]
            case "string" if "format" not in option:  # a path, a date or an address has no such values
                yield from reversed(list(small_network(1)._modules))
            case "null":
                yield None


def vary(component: Component, **changes: Any) -> Component:
    """Return the component with other values of some parameters; parameters that were not given stay unset."""
    given = {name: getattr(component, name) for name in component.model_fields_set}
    return type(component)(**{**given, **changes})


def parameters_change_the_result(component: Component, lab: Lab) -> str | None:
    """Each parameter, alone or with one other parameter, changes the result for a fixed seed.

    A parameter may have no effect beside those that were given, such as the delta of Gaussian noise if Laplacian noise
    is given. That is a remark, and a failure only if all parameters have their defaults.
    """
    names = own_fields(type(component))
    if not names:
        raise Skipped("The component has no parameters.")
    if all(effects(component, lab, place) is REFUSED for place in scenes(component, lab)):
        raise Skipped(REFUSED_EVERYWHERE)
    search = _Search(component, lab)
    unknown = [name for name in names if not alternatives(component, name)]
    alone = [name for name in names if name not in unknown and not search.shows_alone(name)]
    late, idle = [], []
    for name in alone:
        if not search.shows_beside_another(name):
            (late if search.over else idle).append(name)
    given = ", ".join(name for name in names if name in component.model_fields_set and name not in idle)
    require(
        not idle or given,
        f"The parameters {', '.join(idle)} have no effect: no other value changed the result, alone or with one other "
        "parameter.",
    )
    remarks = [f"no effect of {', '.join(idle)} beside the given {given}"] * bool(idle)
    remarks += [f"no other value is known for {', '.join(unknown)}"] * bool(unknown)
    remarks += [f"no time was left for {', '.join(late)}"] * bool(late)
    if len(unknown) + len(late) + len(idle) == len(names):
        raise Skipped("; ".join(remarks))
    return "; ".join(remarks) or None


class _Search:
    """A search for effects of parameters with a time limit.

    Every parameter is varied alone at all places before others are varied beside any of them. What showed one effect,
    the place and the values of the other parameters, is tried first for the next parameter.
    """

    def __init__(self, component: Component, lab: Lab) -> None:
        self._component, self._lab = component, lab
        self._deadline = time.process_time() + ENOUGH_SECONDS
        self._quickest, self._seconds = component, float("inf")
        self._places, self._beside = scenes(component, lab), list[Component]()

    @property
    def over(self) -> bool:
        """Return whether the time is up."""
        return time.process_time() > self._deadline

    def shows_alone(self, name: str) -> bool:
        """Return whether a value of a parameter has an effect beside values that were used before."""
        return self._shows(name, lambda _: [self._quickest, self._component, *self._beside], most=None)

    def shows_beside_another(self, name: str) -> bool:
        """Return whether a value of a parameter has an effect beside another value of one other parameter."""
        return self.shows_alone(name) or self._shows(name, self._pairs, most=2)

    def _shows(self, name: str, grounds: Callable[[str], list[Component]], *, most: int | None) -> bool:
        return any(
            self._differs(ground, value, name, place)
            for place in tuple(self._places)
            for ground in grounds(name)
            for value in alternatives(ground, name)[:most]
        )

    def _pairs(self, name: str) -> list[Component]:
        component = self._component
        others = [other for other in own_fields(type(component)) if other != name]
        return [vary(component, **{one: value}) for one in others for value in alternatives(component, one)[:3]]

    def _differs(self, ground: Component, value: Any, name: str, place: Place) -> bool:
        if self.over:
            return False
        before = effects(ground, self._lab, place)
        start = time.process_time()
        other = vary(ground, **{name: value})
        after = effects(other, self._lab, place)
        seconds = time.process_time() - start
        if after.same(before):
            return False
        half = value == alternatives(ground, name)[0]  # still does something, as the least value may not
        if half and seconds < self._seconds and REFUSED not in (before, after):
            self._quickest, self._seconds = other, seconds
        if ground not in (self._quickest, self._component, *self._beside):
            self._beside.insert(0, ground)
        self._places.remove(place)
        self._places.insert(0, place)
        return True
