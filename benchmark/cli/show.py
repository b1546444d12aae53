"""What ``mia-bench show`` prints."""

from __future__ import annotations

import inspect
from typing import Any, cast

from .. import registry
from ..errors import describe
from ..registry import Entry, Kind
from ..registry.parameters import parameters
from ..utils.texts import say
from .component_names import kinds_of
from .console import print_table

SAMPLE_SHAPES = ((1, 28, 28), (3, 32, 32))
"""Image shapes that ``show`` builds a model for."""


def show(name: str) -> None:
    """Print all about one component.

    Raises:
        UsageError: if nothing has that name.
    """
    for kind in kinds_of(name):
        _show(registry.find(kind, name), kind)


def _show(entry: Entry, kind: Kind) -> None:
    loaded = entry.load()
    say(f"{entry.noun} {entry.name}  (package {entry.package} {entry.version}, component version {loaded.version})\n")
    say(inspect.getdoc(loaded) or "")
    for fact in ("access", "guarantee", "standard", "model", "split"):
        if isinstance(value := getattr(loaded, fact, None), str | bool):
            say(f"\n{fact}: {value}" if fact in ("access", "guarantee", "model") else f"{fact}: {value}")
    if kind in ("attacks", "defenses"):
        say(f"threat model: {_threat(loaded)}\ncost: {_cost(kind, entry.name)}")
    _show_parameters(parameters(loaded))
    if kind == "models":
        from ..registry.specs import instantiate

        model = cast(Any, instantiate(entry, {}))
        for shape in SAMPLE_SHAPES:
            try:
                layers = _layers(model.build(shape, 10), shape)
            except Exception as error:
                layers = f"  none: {describe(error)}"
            say(f"\nlayers = split points, for images {shape}:\n{layers}")


def _threat(component: Any) -> str:
    if hasattr(component, "access"):
        return f"sees the wire, knows the defense, has images of its own, {component.access.meaning}"
    return "an honest but curious server, or an eavesdropper, who knows the defense and attacks the defended client"


def _cost(kind: Kind, name: str) -> str:
    from ..runner.estimates import duration, typical

    measured = ", ".join(f"{duration(seconds)} on {dataset}" for dataset, seconds in typical(kind, name).items())
    timed = f"{measured} (one core, median of timed cells)" if measured else "not timed yet"
    if kind == "attacks":
        return f"{timed}; the column attack_seconds"
    return f"to protect, {timed}; of one picture, the columns wire_bytes, client_macs, client_ms and server_ms"


def _show_parameters(lines: list[list[str]]) -> None:
    if not lines:
        say("\nNo parameters.")
        return
    say("\nparameters")
    print_table(["name", "allowed", "default", "meaning"], lines)


def _layers(layers: Any, shape: tuple[int, int, int]) -> str:
    import torch

    value = torch.zeros(1, *shape)
    lines = []
    for name, layer in layers.eval().named_children():
        with torch.no_grad():
            value = layer(value)
        lines.append(f"  {name:10} {'x'.join(map(str, value.shape[1:])):>12}  {layer.__class__.__name__}")
    return "\n".join(lines)
