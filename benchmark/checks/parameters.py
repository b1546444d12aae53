"""Other values of parameters, and whether they change anything."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from pydantic import ValidationError

from ..interfaces import Attack, Component
from .check import Skipped, require
from .effects import REFUSED, effects, scenes
from .lab import Lab, Place, small_network

ENOUGH_SECONDS = 20
"""Of the processor; what remains untried then is named and left."""


def own_fields(component: type[Component]) -> list[str]:
    """The parameters of a component, but for those that the harness itself acts on."""
    return [name for name in component.model_fields if name not in Attack.model_fields]


def alternatives(component: Component, name: str) -> list[Any]:
    """Other values that a parameter may have, given the others."""
    schema = type(component).model_json_schema()["properties"][name]
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
            case "string":
                yield from reversed(list(small_network(1)._modules))
            case "null":
                yield None


def vary(component: Component, **changes: Any) -> Component:
    """The same component with other values of some parameters; those that were not given stay free."""
    given = {name: getattr(component, name) for name in component.model_fields_set}
    return type(component)(**{**given, **changes})


def parameters_change_the_result(component: Component, lab: Lab) -> str | None:
    """Each parameter, alone or together with another one, changes the result on the same random numbers."""
    names = own_fields(type(component))
    if not names:
        raise Skipped("it has no parameters of its own")
    search = _Search(component, lab)
    unknown, late, idle = [], [], []
    for name in names:
        if not alternatives(component, name):
            unknown.append(name)
        elif not search.shows(name):
            (late if search.over else idle).append(name)
    require(not idle, f"{', '.join(idle)}: no other value changed anything, alone or with one other parameter")
    remarks = [f"no other value of {', '.join(unknown)} is known"] * bool(unknown)
    remarks += [f"no time for {', '.join(late)}"] * bool(late)
    if remarks and len(unknown) + len(late) == len(names):
        raise Skipped("; ".join(remarks))
    return "; ".join(remarks) or None


class _Search:
    """Looks for effects, as long as there is time."""

    def __init__(self, component: Component, lab: Lab) -> None:
        self._component, self._lab = component, lab
        self._deadline = time.process_time() + ENOUGH_SECONDS
        self._quickest, self._seconds = component, float("inf")

    @property
    def over(self) -> bool:
        """Whether the time is up."""
        return time.process_time() > self._deadline

    def shows(self, name: str) -> bool:
        """Whether some value of a parameter shows an effect, beside given values of the others or one other value."""
        component, places = self._component, scenes(self._component, self._lab)
        others = [other for other in own_fields(type(component)) if other != name]
        beside = [vary(component, **{one: value}) for one in others for value in alternatives(component, one)[:3]]
        values = alternatives(component, name)
        first = [(ground, value) for value in values for ground in (self._quickest, component)]
        then = [(ground, value) for ground in beside for value in alternatives(ground, name)[:2]]
        return any(self._differs(*pair, name, place) for place in places for pair in (*first, *then))

    def _differs(self, ground: Component, value: Any, name: str, place: Place) -> bool:
        if self.over or value not in alternatives(ground, name):
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
        return True
