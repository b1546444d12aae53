"""Names of components with their parameters, made from the values in a leaderboard. This module imports no torch."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from .declared import declared
from .entries import Kind
from .literals import write


def label(kind: Kind, name: str, params: Mapping[str, Any], telling: Collection[str] = ()) -> str:
    """Return a short name: the component with the parameters that distinguish it.

    These are the parameters that differ from their defaults, and those that differ among components of that name. A
    parameter that is None is left out, as on the command line.

    Args:
        kind: Kind of the component. The component need not be installed.
        name: Name of the component.
        params: All its parameters.
        telling: Names of the parameters that differ among components of that name, as ``varying`` returns them.

    Example:
        >>> label("defenses", "topk", {"kept": 0.2, "tuning_epochs": 1})
        'topk:kept=0.2'
    """
    defaults = declared(kind, name).defaults
    shown = {
        key: value
        for key, value in params.items()
        if value is not None
        if key not in defaults or value != defaults[key] or key in telling
    }
    return _written(name, shown)


def labeler(kind: Kind, components: Iterable[tuple[str, str]]) -> Callable[[str, str], str]:
    """Return a function from one of several components to the label that tells it from the others of its name.

    Args:
        kind: Kind of the components.
        components: Name and parameters, as JSON, of each component.

    Example:
        >>> shorten = labeler("defenses", [("dp_ir", '{"sigma": 0.1}'), ("dp_ir", '{"sigma": 0.2}')])
        >>> shorten("dp_ir", '{"sigma": 0.2}')
        'dp_ir:sigma=0.2'
    """
    of_name: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for name, params in components:
        of_name[name].append(json.loads(params))
    telling = {name: varying(params) for name, params in of_name.items()}
    return lambda name, params: label(kind, name, json.loads(params), telling[name])


def varying(components: Iterable[Mapping[str, Any]]) -> set[str]:
    """Return the names of the parameters that are not the same for all components.

    Example:
        >>> varying([{"kept": 0.2, "tuning_epochs": 1}, {"kept": 0.1, "tuning_epochs": 1}])
        {'kept'}
    """
    first, *others = components
    return {key for params in others for key in {*first, *params} if params.get(key) != first.get(key)}


def spec(kind: Kind, name: str, params: Mapping[str, Any]) -> str:
    """Return a component as it is written on the command line: its name and all parameters that are not defaults.

    Args:
        kind: Kind of the component. One that is not installed is written with all its parameters.
        name: Name of the component.
        params: All its parameters.

    Example:
        >>> spec("defenses", "fc_before_send", {"width": None, "tuning_epochs": 3})
        'fc_before_send:tuning_epochs=3'
    """
    defaults = declared(kind, name).defaults
    ordered = {key: params[key] for key in [*defaults, *params] if key in params}
    return _written(name, {key: value for key, value in ordered.items() if (key, value) not in defaults.items()})


def default_params(kind: Kind, name: str) -> str:
    """Return the defaults of a component as canonical JSON, as a leaderboard has them.

    Example:
        >>> default_params("defenses", "undefended")
        '{}'
    """
    return json.dumps(declared(kind, name).defaults, sort_keys=True, separators=(",", ":"))


def _written(name: str, params: Mapping[str, Any]) -> str:
    written = ",".join(f"{key}={write(value)}" for key, value in params.items())
    return f"{name}:{written}" if written else name
