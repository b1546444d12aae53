"""Checks of every component, whatever its kind."""

from __future__ import annotations

import inspect

import torch

from ..errors import describe
from ..interfaces import Component
from .check import Failed, Skipped, require
from .effects import Effects, effects, scenes
from .fake_device import Mixed, pretended_device
from .lab import Lab
from .worker import ask_worker

_BOUNDS = {"minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum"}


def docstring(component: Component, lab: Lab) -> None:
    """The docstring begins with a sentence of one line, which ``list`` shows, and names a source."""
    text = inspect.cleandoc(type(component).__doc__ or "")
    first, _, rest = text.partition("\n")
    inherited = type(component).__doc__ is None or "__doc__" not in vars(type(component))
    require(text and not inherited, f"{type(component).__name__} has no docstring")
    require(first.endswith("."), f"its first line is {first!r}; expected one whole sentence")
    require(not rest.partition("\n")[0].strip(), "its first sentence is longer than one line, and `list` would cut it")
    require("Source:" in rest, "it has no line `Source: ...`, which says where the method comes from")


def parameters_are_documented(component: Component, lab: Lab) -> None:
    """Each parameter has a default, a description and, where it is a number, a bound."""
    for name, schema in type(component).model_json_schema().get("properties", {}).items():
        field = type(component).model_fields[name]
        require(not field.is_required(), f"{name} has no default, so the name alone cannot be run")
        require((field.description or "").strip(), f"{name} has no description")
        for option in schema.get("anyOf", [schema]):
            number = option.get("type") in ("integer", "number") and "enum" not in option
            require(not number or _BOUNDS & option.keys(), f"{name} is a number without a bound (ge, gt, le or lt)")


def parameters_identify(component: Component, lab: Lab) -> None:
    """All parameters stand in the row, which gives the component back; they are frozen, and no other is accepted."""
    kind, names = type(component), set(type(component).model_fields)
    written = set(component.model_dump(mode="json"))
    require(names == written, f"{', '.join(sorted(names - written))}: not written down, so two settings share a cell")
    require(kind.model_validate_json(component.params) == component, f"{component.params} does not give it back")
    require(kind.model_config.get("frozen"), "its parameters can be changed after it was made (frozen)")
    require(kind.model_config.get("extra") == "forbid", "it accepts parameters that it does not have (extra)")
    require(isinstance(kind.version, int) and kind.version >= 1, f"version is {kind.version!r}; expected 1, 2, ...")


def same_seed_same_result(component: Component, lab: Lab) -> None:
    """The same random numbers give the same result."""
    place = scenes(component, lab)[0]
    again = Lab(device=str(lab.device), data_dir=lab.data_dir)
    require(
        effects(component, again, place).same(effects(component, lab, place)),
        "two runs with the same seed differ; draw from torch's global generator, which the harness seeds",
    )


def rebuilt_in_a_worker(component: Component, lab: Lab) -> None:
    """A worker process that was started afresh gives the same result, as --jobs needs it."""
    there = ask_worker("effects", component, lab.data_dir)
    _require_same(there, component, lab, "a worker process gives another result; keep nothing outside the parameters")


def runs_on_a_gpu(component: Component, lab: Lab) -> str:
    """It gives a result where the model and the images lie on a GPU; without one, on a device that pretends to be."""
    place = scenes(component, lab)[0]
    if torch.cuda.is_available():
        found = effects(component, Lab(device="cuda", data_dir=lab.data_dir), place)
        require(found.numbers or found.facts, "it gives nothing")
        return torch.cuda.get_device_name()
    try:
        with pretended_device() as device:
            there = effects(component, Lab(device=str(device), data_dir=lab.data_dir), place)
    except Mixed:
        raise
    except Exception as error:  # it can do less than a GPU
        reason = describe(error)
        raise Skipped(f"there is no CUDA here, and the device that pretends cannot do it ({reason})") from error
    _require_same(there, component, lab, "on another device it gives another result")
    return "on a device that pretends; there is no CUDA here"


def _require_same(there: Effects, component: Component, lab: Lab, complaint: str) -> None:
    """Fail if what follows elsewhere is not what follows here, unless that changes by itself."""
    place = scenes(component, lab)[0]
    here = effects(component, lab, place)
    if there.same(here):
        return
    if not effects(component, Lab(data_dir=lab.data_dir), place).same(here):
        raise Skipped("its results are not the same twice here either")
    raise Failed(complaint)
