"""Suites: requests written down in TOML, built in or the user's own."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from .. import registry
from ..errors import UsageError
from ..interfaces import Model
from ..registry.literals import parse
from ..registry.specs import ResolvedComponent
from ..registry.sweeps import OverriddenOption, Spec, UnknownOption, check_options, expand_sweeps
from ..utils.declaration import unknown_name
from ..utils.files import Unreadable, read_toml
from ..utils.texts import quoted
from .built_in_suites import built_in
from .expansion import chosen_specs
from .part_choice import name_of, select_parts
from .request import KINDS, Request

logger = logging.getLogger(__name__)

PART_NAMES = (*Request.model_fields, "split")
"""What a part of a suite may say. ``split`` and ``splits`` are the same."""
_Unused = UnknownOption | OverriddenOption


def requests_of(suite: str | None, given: Request) -> list[Request]:
    """Return the parts of a suite, each with what is given beside it, which wins; without a suite, what is given.

    Args:
        suite: A TOML file or the name of a built-in suite.
        given: Its fields that were set win over the suite's. Datasets, models and splits choose among several parts.

    Raises:
        UsageError: If the suite does not exist, the choice leaves none of its parts, or none of its components has one
            of its options. Options of components that the choice leaves out or replaces are left out.
    """
    if suite is None:
        return [given]
    parts = load_suite(suite)
    choosing = {"dataset", "model", "splits"} if len(parts) > 1 else set()
    wins = {name: getattr(given, name) for name in given.model_fields_set - choosing - {"options"}}
    selected = select_parts(parts, given)
    joined = [_joined(part, wins, given.options) for part in selected]
    for part, request in zip(selected, joined, strict=True):
        own = {name: values for name, values in part.options.items() if name not in given.options}
        for field in (each for each in KINDS if each not in given.model_fields_set):
            _require_valid(suite, field, getattr(request, field), own)
    unused = _unused_options(selected, joined, given)
    if unused and not (choosing | {"attacks", "defenses"}) & given.model_fields_set:
        raise _unknown(suite, unused[0])
    dropped = {error.option for error in unused}
    return [_without_options(request, dropped) for request in joined] if dropped else joined


def _unused_options(selected: Sequence[Request], joined: Sequence[Request], given: Request) -> list[_Unused]:
    """Return an error for each option of the suite's own that sets no parameter of a chosen component."""
    chosen, errors = chosen_specs(joined), list[_Unused]()
    for option in dict.fromkeys(name for part in selected for name in part.options if name not in given.options):
        try:
            check_options({option: []}, chosen)
        except (UnknownOption, OverriddenOption) as error:
            errors.append(error)
    return errors


def _unknown(suite: str, error: _Unused) -> UsageError:
    if error.option in {*Request.model_fields, "split"}:
        return UsageError(f"Suite {suite}: Expected {error.option} above [options], got it below. Move it up.")
    return UsageError(f"Suite {suite}, options: {error}")


def _without_options(request: Request, names: Collection[str]) -> Request:
    left = {name: values for name, values in request.options.items() if name not in names}
    return request.model_copy(update={"options": left})


def _require_valid(suite: str, field: str, specs: Sequence[Spec], options: Mapping[str, list[Any]]) -> None:
    """Raise if a component of a suite does not exist, or has wrong parameters; the message names suite and field."""
    try:
        expand_sweeps(KINDS[field], specs, options if field in ("attacks", "defenses") else {})
    except UsageError as error:
        raise UsageError(f"Suite {suite}, {field}: {error}") from error


def _joined(part: Request, wins: Mapping[str, Any], options: Mapping[str, list[Any]]) -> Request:
    written = {kind: [_without(spec, options) for spec in getattr(part, kind)] for kind in ("attacks", "defenses")}
    return part.model_copy(update=written | dict(wins) | {"options": part.options | dict(options)})


def _without(spec: Spec, options: Mapping[str, Any]) -> Spec:
    """Return a component of a suite without the parameters that are given as options."""
    if isinstance(spec, ResolvedComponent):
        return spec
    if isinstance(spec, str):
        name, params = parse(spec)
        spec = {"name": name, **params}
    if isinstance(params := spec.get("params"), Mapping):
        return {**spec, "params": {key: value for key, value in params.items() if key not in options}}
    return {key: value for key, value in spec.items() if key == "name" or key not in options}


def load_suite(name: str) -> list[Request]:
    """Read a suite by its path or its built-in name.

    A file holds the fields of a request. It may hold several requests: each of its ``[[parts]]`` says what differs
    from the rest of the file.

    Returns:
        The parts, each with what the file says for all of them; one if the file has none.

    Raises:
        UsageError: If the suite does not exist, or its file does not describe requests.
    """
    path = built_in().get(name, Path(name))
    if not path.is_file():
        known = built_in()
        raise UsageError(
            f"Unknown suite {name!r}{registry.suggestion(name, known)} Give a TOML file or one of: {', '.join(known)}."
        )
    try:
        content = read_toml(path)
        _require_known(content, (*PART_NAMES, "parts"))
        parts = content.pop("parts", [{}])
        if not isinstance(parts, list) or not parts or not all(isinstance(part, dict) for part in parts):
            raise UsageError(
                f"Expected tables, each written under [[parts]], got parts={quoted(parts)}. Write [[parts]] above each."
            )
    except (UsageError, Unreadable) as error:
        other = isinstance(error, Unreadable) and path.suffix.lower() not in (".toml", "")
        toml = " Suites are TOML files; mia-bench show quick prints one." if other else ""
        raise UsageError(f"Suite {path}: {error}{toml}") from error
    places = [f"{path}, part {number}" if len(parts) > 1 else f"{path}" for number in range(1, len(parts) + 1)]
    return [_request(content, part, place) for part, place in zip(parts, places, strict=True)]


def _require_known(content: Mapping[str, Any], known: Collection[str]) -> None:
    for name in content:
        if name not in known:
            raise UsageError(unknown_name(name, known))


def _with_options(content: Mapping[str, Any], part: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a file says for one of its parts: the options of the part are joined with those for all parts."""
    shared, own = content.get("options"), part.get("options")
    joined = {"options": {**shared, **own}} if isinstance(shared, Mapping) and isinstance(own, Mapping) else {}
    return {**content, **part, **joined}


def _request(content: Mapping[str, Any], part: Mapping[str, Any], place: str) -> Request:
    try:
        _require_known(part, PART_NAMES)
        request = Request(**_with_options(content, part))
        _refuse_code(request.model)
        for spec in (each for kind in KINDS for each in getattr(request, kind) if isinstance(each, str)):
            parse(spec)
    except UsageError as error:
        raise UsageError(f"Suite {place}: {error}") from error
    if own := part.get("options"):
        _require_used(own, request, place)
    return request


def _require_used(own: Mapping[str, Any], request: Request, place: str) -> None:
    """Raise if an option of a single part sets no parameter of a component of this part."""
    try:
        check_options(own, chosen_specs([request]))
    except (UnknownOption, OverriddenOption) as error:
        raise _unknown(place, error) from error
    except UsageError:
        logger.debug("The options of %s are not checked.", place, exc_info=True)  # a component may still be replaced


def _refuse_code(models: Sequence[Spec]) -> None:
    """Raise if a suite names code to run, because the file may come from anyone."""
    providers = registry.providers("models")
    for spec in models:
        if any(cast(type[Model], registry.load(entry)).names_code for entry in providers.get(name_of(spec) or "", [])):
            raise UsageError(
                f"Expected a suite without code, got the model {quoted(spec)}. Remove it, and if you trust the code, "
                "give it on the command line with --model."
            )
