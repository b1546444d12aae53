"""Which checks a component must pass."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from inspect import cleandoc
from pathlib import Path
from typing import Any

from ..errors import Inapplicable
from ..interfaces import Attack, Component, Dataset, Defense, Model
from . import attacks, channels, datasets, defenses, every_component, guarantees, models
from .check import Check, Skipped
from .lab import Lab
from .parameters import parameters_change_the_result

Body = Callable[[Any, Lab], str | None]
"""Checks a component in a lab; returns a remark, or None."""

DECLARATION: tuple[Body, ...] = (
    every_component.docstring,
    every_component.parameters_are_documented,
    every_component.parameters_identify,
)
BEHAVIOR: dict[type[Component], tuple[Body, ...]] = {
    Attack: (
        attacks.declares_its_access,
        attacks.gives_images,
        attacks.reads_the_wire,
        attacks.leaves_what_it_is_given,
        attacks.ends_on_a_broken_wire,
        every_component.runs_on_a_gpu,
    ),
    Defense: (
        defenses.answers,
        defenses.wires,
        defenses.holds_no_pixel,
        defenses.leaves_the_model,
        defenses.randomness_is_declared,
        defenses.gradients_reach_the_image,
        defenses.can_be_copied,
        defenses.costs_are_measured,
        guarantees.guarantee_is_honest,
        channels.distance_leads_to_the_truth,
        channels.density_is_one,
        channels.wires_can_be_merged,
        every_component.runs_on_a_gpu,
    ),
    Model: (
        models.fits_any_images,
        models.every_layer_is_a_split,
        models.images_do_not_mix,
        models.can_be_trained,
        models.can_be_reset,
        every_component.runs_on_a_gpu,
    ),
    Dataset: (
        datasets.pools_are_sound,
        datasets.pools_are_disjoint,
        datasets.classes_are_mixed,
        datasets.recommends_a_split,
    ),
}
REPETITION: tuple[Body, ...] = (
    every_component.same_seed_same_result,
    every_component.rebuilt_in_a_worker,
    parameters_change_the_result,
)


def checks_of(
    component: Component | type[Component], *, data_dir: Path | str | None = None, lab: Lab | None = None
) -> Sequence[Check]:
    """Return the checks that a component must pass; each is called without arguments.

    Args:
        component: An attack, a defense, a model or a dataset, or a class of these, which then has its default
            parameters.
        data_dir: The folder of the data of a dataset.
        lab: Where the checks run, in place of a new lab with that ``data_dir``.

    Returns:
        Checks that raise an ``AssertionError`` for a fault, or a ``unittest.SkipTest`` where they do not apply.

    Raises:
        TypeError: If it is not a component.

    Example:
        >>> from mia_bench.defenses.dp_ir import DpIr
        >>> str(checks_of(DpIr(sigma=0.5))[0])
        'docstring'
    """
    one = component() if isinstance(component, type) else component
    kinds = [kind for kind in BEHAVIOR if isinstance(one, kind)]
    if not kinds:
        raise TypeError(f"Expected an attack, a defense, a model or a dataset, got {one!r}.")
    lab = lab or Lab(data_dir=None if data_dir is None else Path(data_dir))
    bodies = (*DECLARATION, *BEHAVIOR[kinds[0]], *REPETITION)
    return [_check(body, one, lab) for body in bodies]


def _check(body: Body, component: Component, lab: Lab) -> Check:
    name = body.__name__.replace("_", " ")
    return Check(name, cleandoc(body.__doc__ or "").partition("\n")[0], partial(_carry_out, body, component, lab))


def _carry_out(body: Body, component: Component, lab: Lab) -> str | None:
    try:
        return body(component, lab)
    except Inapplicable as refusal:  # with these parameters, on these small networks
        raise Skipped(str(refusal)) from refusal
