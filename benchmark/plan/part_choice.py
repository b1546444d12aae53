"""The parts of a suite that the datasets, models or splits of a request choose."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from typing import Any, cast

from ..errors import UsageError
from ..interfaces import Dataset
from ..interfaces.stages import fits
from ..registry.specs import ResolvedComponent
from ..registry.sweeps import Spec, expand_sweeps
from .request import KINDS, Request


def select_parts(parts: Sequence[Request], given: Request) -> list[Request]:
    """Return the parts of a suite that the datasets, models or splits of a request leave.

    In a suite of one part the request replaces what the suite says; among several it chooses. A component chooses those
    of the same name that have the parameters that are given. If none has them, it replaces the one of its name. Splits
    may be patterns on either side, and a part without splits has the recommended ones of its datasets.

    Raises:
        UsageError: If it leaves none.

    Example:
        >>> parts = [Request(dataset="mnist"), Request(dataset="photos:size=64")]
        >>> [part.dataset for part in select_parts(parts, Request(dataset="photos"))]
        [['photos:size=64']]
    """
    if len(parts) == 1:
        return list(parts)
    for field in ("dataset", "model"):
        if field in given.model_fields_set:
            parts = _with_components(parts, field, getattr(given, field))
    if "splits" in given.model_fields_set:
        parts = _with_splits(parts, given.splits)
    return list(parts)


def name_of(spec: Spec | None) -> str | None:
    """Return the name of a component; None of none."""
    if isinstance(spec, str):
        return spec.partition(":")[0].strip()
    if isinstance(spec, ResolvedComponent):
        return spec.name
    return spec.get("name") if spec else None


def _with_splits(parts: Sequence[Request], wanted: Sequence[str]) -> list[Request]:
    left = [found for part in parts if (found := _with_splits_of(part, wanted))]
    known = {name for part in parts for name in part.splits or map(_recommended_split, part.dataset)}
    return left or _refuse_none("split", wanted, known)


def _with_splits_of(part: Request, wanted: Sequence[str]) -> Request | None:
    """Return a part with those of its splits that are wanted; None if none is."""
    if part.splits:
        found = _common_splits(part.splits, wanted)
        return part.model_copy(update={"splits": found}) if found else None
    datasets = [spec for spec in part.dataset if _common_splits([_recommended_split(spec)], wanted)]
    return part.model_copy(update={"dataset": datasets}) if datasets else None


def _common_splits(splits: Sequence[str], wanted: Sequence[str]) -> list[str]:
    """Return the splits that two lists have in common, in the order of the second; both may be patterns."""
    found: dict[str, None] = {}
    for each, name in itertools.product(wanted, splits):
        if name == each or each == "all" or fits(name, each):
            found[name] = None
        elif name == "all" or fits(each, name):
            found[each] = None
    return list(found)


def _recommended_split(dataset: Spec) -> str:
    return _recommending(dataset).split


def _recommending(dataset: Spec) -> Dataset:
    return cast(Dataset, _resolved("dataset", dataset).component)


def _with_components(parts: Sequence[Request], field: str, wanted: Sequence[Spec]) -> list[Request]:
    """Return the parts that have some of the wanted components, each part with these alone."""
    named = [each for part in parts for each in (_of_each_dataset(part) if field == "model" else [part])]
    known = list({_label(field, spec): spec for part in named for spec in getattr(part, field)}.values())
    chosen = {_label(field, spec): made for spec in known if (made := _chosen(field, spec, known, wanted))}
    left = []
    for part in named:
        found = [each for spec in getattr(part, field) for each in chosen.get(_label(field, spec), [])]
        if found:
            left.append(part.model_copy(update={field: found}))
    names = [_label(field, spec) for spec in known]
    return left or _refuse_none(field, [_label(field, spec) for spec in wanted], names)


def _of_each_dataset(part: Request) -> list[Request]:
    """Return a part that names no model as one for each of its datasets, with the model that this one recommends."""
    if part.model:
        return [part]
    return [part.model_copy(update={"dataset": [spec], "model": [_recommending(spec).model]}) for spec in part.dataset]


def _chosen(field: str, spec: Spec, known: Sequence[Spec], wanted: Sequence[Spec]) -> list[Spec]:
    """Return what a request makes of a component of a suite: the component itself, what replaces it, or nothing."""
    found: list[Spec] = []
    for each in wanted:
        named = [other for other in known if name_of(other) == name_of(each)]
        if spec not in named:
            continue
        if _has_parameters(field, spec, each):
            found.append(spec)
        elif len(named) == 1:
            found.append(each)
    return found


def _has_parameters(field: str, spec: Spec, wanted: Spec) -> bool:
    has, given = (_resolved(field, each).component for each in (spec, wanted))
    return all(getattr(has, name) == getattr(given, name) for name in given.model_fields_set)


def _resolved(field: str, spec: Spec) -> ResolvedComponent:
    (resolved,) = expand_sweeps(KINDS[field], [spec], {})
    return resolved


def _label(field: str, spec: Spec) -> str:
    return _resolved(field, spec).label


def _refuse_none(field: str, wanted: Iterable[Any], known: Iterable[str]) -> list[Request]:
    raise UsageError(
        f"No part of the suite uses --{field} {','.join(map(str, wanted))}. Available: {', '.join(sorted(known))}."
    )
