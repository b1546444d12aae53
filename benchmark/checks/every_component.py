"""Checks of all kinds of components."""

from __future__ import annotations

import inspect

import torch

from ..interfaces import Attack, Component, Defense
from ..registry.recorded_parameters import require_restorable
from .check import Failed, Skipped, require
from .effects import REFUSED, REFUSED_EVERYWHERE, Effects, effects, effects_in_new_lab, scenes
from .lab import PLACES, Lab

_BOUNDS = {"minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum"}


def docstring(component: Component, lab: Lab) -> None:
    """The docstring begins with a sentence of one line, which ``list`` shows, and names a source."""
    text = inspect.cleandoc(type(component).__doc__ or "")
    first, _, rest = text.partition("\n")
    inherited = type(component).__doc__ is None or "__doc__" not in vars(type(component))
    require(text and not inherited, f"The class {type(component).__name__} has no docstring.")
    require(first.endswith("."), f"Expected the first line of the docstring to be a sentence, got {first!r}.")
    require(
        not rest.partition("\n")[0].strip(),
        "The first sentence of the docstring is longer than one line, so `mia-bench list` would cut it.",
    )
    require("Source:" in rest, "The docstring has no line `Source: ...` that says where the method comes from.")


def parameters_are_documented(component: Component, lab: Lab) -> None:
    """Each parameter has a description, each number has a bound, and those of attacks and defenses have a default."""
    for name, schema in type(component).model_json_schema(by_alias=False).get("properties", {}).items():
        field = type(component).model_fields[name]
        needed = field.is_required() and isinstance(component, Attack | Defense)
        require(not needed, f"The parameter {name} has no default, so the name alone cannot be run.")
        require((field.description or "").strip(), f"The parameter {name} has no description.")
        for option in schema.get("anyOf", [schema]):
            number = option.get("type") in ("integer", "number") and "enum" not in option
            bounded = not number or _BOUNDS & option.keys()
            require(bounded, f"The parameter {name} is a number without a bound (ge, gt, le or lt).")


def parameters_identify(component: Component, lab: Lab) -> None:
    """All parameters are recorded in the row and restore the component; they are frozen, and others are refused."""
    kind = type(component)
    require_restorable(component)
    require(kind.model_config.get("frozen"), "The parameters can be changed after construction; set frozen=True.")
    require(kind.model_config.get("extra") == "forbid", 'Unknown parameters are accepted; set extra="forbid".')
    whole = isinstance(kind.version, int) and kind.version >= 1
    require(whole, f"Expected version to be 1, 2, ..., got {kind.version!r}.")


def same_seed_same_result(component: Component, lab: Lab) -> None:
    """Two runs with the same seed give the same result."""
    place = scenes(component, lab)[0]
    with Lab(device=str(lab.device), data_dir=lab.data_dir) as again:
        require(
            effects(component, again, place).same(effects(component, lab, place)),
            "Two runs with the same seed differ. Draw from torch's global generator, which the harness seeds.",
        )


def rebuilt_in_a_worker(component: Component, lab: Lab) -> None:
    """A new worker process, which has met no other network before, gives the same result. --jobs relies on it."""
    first = scenes(component, lab)[0]
    tried = [first, *PLACES[PLACES.index(first) + 1 :]] if isinstance(component, Attack | Defense) else [first]
    found = [(effects(component, lab, place), place) for place in tried]
    applied = [each for each in found if each[0] is not REFUSED]
    if not applied:
        raise Skipped(REFUSED_EVERYWHERE)
    here, place = applied[-1]  # which meets what the others left behind
    lab.worker.close()  # other checks may have used the component there
    there = lab.worker.ask(effects_in_new_lab, component, lab.data_dir, place)
    if there.same(here):
        return
    if not effects_in_new_lab(component, lab.data_dir, place).same(here):
        raise Skipped("The results differ from run to run in one process, too.")
    raise Failed("A worker process gives another result. Keep no state outside the parameters.")


def runs_on_a_gpu(component: Component, lab: Lab) -> str:
    """The component works when the model and the images are on a CUDA device."""
    if not torch.cuda.is_available():
        raise Skipped("There is no CUDA device.")
    with Lab(device="cuda", data_dir=lab.data_dir) as there:
        found: Effects = effects(component, there, scenes(component, lab)[0])
    require(found.numbers or found.facts, "The component produced no result.")
    return torch.cuda.get_device_name()
