"""Run ``mia-bench show``."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Sequence
from typing import Any, cast

import torch
from torch import nn

from .. import registry
from ..errors import UsageError, describe, message_of
from ..evaluation.pool_validation import SMALLEST
from ..interfaces import Model
from ..interfaces.stages import cut_name, places_of
from ..metrics.held_weights import Identity, held_weights
from ..metrics.macs import count_macs
from ..plan.built_in_suites import built_in
from ..plan.expansion import plan
from ..plan.suite import load_suite
from ..registry import Entry, Kind
from ..registry.component_names import kinds_of
from ..registry.literals import parse
from ..registry.parameters import parameters
from ..registry.specs import instantiate
from ..training import add_biases
from ..utils.plurals import count_of
from ..utils.texts import say
from .console import print_table

SIZE = re.compile("[1-9][0-9]{0,5}")
"""A number of channels or pixels."""


def show(written: str, image: str | None = None) -> None:
    """Print all about one component, or a built-in suite.

    Args:
        written: Its name, or the name and parameters, as ``torchvision:name=resnet18``.
        image: The shape of the images that a model is given, as ``3x64x64``.

    Raises:
        UsageError: If nothing has that name, a parameter is unknown or out of its range, the shape is not one, or the
            network that was chosen has no cuts, or there is a shape and no model.
    """
    shape = None if image is None else _shape(image)
    if written in built_in() and not any(written in registry.providers(kind) for kind in registry.KINDS):
        _require_model(shape, written, [])
        _show_suite(written)
        return
    name, params = parse(written)
    kinds = kinds_of(name)
    _require_model(shape, name, kinds)
    for kind in kinds:
        entry = registry.find(kind, name)
        if params:
            instantiate(entry, params)
        _show(entry, kind)
        if kind == "models":
            model = cast(Model, instantiate(entry, params))
            shapes = model.usual_images if shape is None else (shape,)
            _show_cuts(model, shapes, chosen=bool(params or shape))


def _require_model(shape: tuple[int, int, int] | None, name: str, kinds: Sequence[Kind]) -> None:
    if shape is not None and "models" not in kinds:
        raise UsageError(f"Expected --image only for a model, got it for {name!r}. Leave it out.")


def _show_suite(name: str) -> None:
    parts, path = load_suite(name), built_in()[name]
    size = f"{count_of(len(parts), 'part')}, {count_of(len(plan(*parts)), 'cell')}"
    say(f"suite {name}  ({size})\n")
    say(path.read_text(encoding="utf-8").rstrip())
    say(f"\nTo compute it: mia-bench run {name}. To change it, save the lines above as a TOML file.")


def _show(entry: Entry, kind: Kind) -> None:
    loaded = registry.load(entry)
    say(f"{entry.noun} {entry.name}  (package {entry.package} {entry.version}, component version {loaded.version})\n")
    if loaded.__doc__:  # Python removes all docstrings with PYTHONOPTIMIZE=2
        say(inspect.cleandoc(loaded.__doc__).replace("``", "`"))
    for fact in ("access", "guarantee", "standard", "model", "split"):
        if isinstance(value := getattr(loaded, fact, None), str | bool):
            say(f"\n{fact}: {value}" if fact in ("access", "guarantee", "model") else f"{fact}: {value}")
    if kind in ("attacks", "defenses"):
        say(f"threat model: {_threat(loaded)}\ncost: {_cost(kind, entry.name)}")
    _show_parameters(parameters(loaded))


def _threat(component: Any) -> str:
    if hasattr(component, "access"):
        return f"sees the wire, knows the defense, has its own images, {component.access.meaning}"
    return "an honest but curious server, or an eavesdropper, who knows the defense and attacks the defended client"


def _cost(kind: Kind, name: str) -> str:
    from ..runner.estimates import duration
    from ..runner.timings import typical

    measured = ", ".join(f"{duration(seconds)} on {dataset}" for dataset, seconds in typical(kind, name).items())
    timed = f"{measured} (one core, median of timed cells)" if measured else "not timed yet"
    if kind == "attacks":
        return f"{timed}; the column attack_seconds"
    return f"to protect, {timed}; of one image, the columns wire_bytes, client_macs, client_ms and server_ms"


def _show_parameters(lines: list[list[str]]) -> None:
    if not lines:
        say("\nNo parameters.")
        return
    say("\nparameters")
    print_table(["name", "allowed", "default", "meaning"], lines)


def _shape(written: str) -> tuple[int, int, int]:
    parts = written.lower().split("x")
    if len(parts) != 3 or not all(SIZE.fullmatch(part) for part in parts):
        raise UsageError(f"Expected the shape of an image, such as 3x64x64, got {written!r}. Write three sizes.")
    channels, height, width = map(int, parts)
    return channels, height, width


def _show_cuts(model: Model, shapes: Sequence[tuple[int, int, int]], *, chosen: bool) -> None:
    """Print the cuts of a model with what the client computes and sends for one image.

    Args:
        model: The model.
        shapes: Of the images that it is given.
        chosen: Whether the user chose the network or the image, so that it is an error if there are no cuts at all.
    """
    reasons: list[str] = []
    for shape in shapes:
        try:
            lines = list(_cuts(_untrained(model, shape), shape))
        except UsageError as error:
            reasons.append(message_of(error))
        except Exception as error:
            reasons.append(describe(error))
        else:
            say(f"\ncuts = split points, for images {shape}; bytes are those of the IR, MACs those of the client")
            print_table(["split", "IR", "bytes", "MACs", "parameters", "layer", "also"], lines)
            if min(shape[1:]) < SMALLEST:
                say(f"Images of less than {SMALLEST}x{SMALLEST} pixels cannot be run: SSIM has windows of that size.")
            continue
        if chosen and len(reasons) == len(shapes):
            raise UsageError(f"The network has no cuts for images {shape}: {reasons[-1]}")
        say(f"\ncuts = split points, for images {shape}:\n  none: {reasons[-1]}")


def _untrained(model: Model, shape: tuple[int, int, int]) -> nn.Sequential:
    """Return the layers of a model, with the biases that its training needs unless its weights are given."""
    layers = model.outline(shape)
    unbiased = any(isinstance(part, nn.Conv2d) and part.bias is None for part in layers.modules())
    if unbiased and model.given_weights is None and model.pinned(shape, 0).given_weights is None:
        add_biases(layers)
    return layers


def _cuts(layers: nn.Sequential, shape: tuple[int, int, int]) -> Iterator[list[str]]:
    value, macs, weights = torch.zeros(1, *shape), 0, dict[Identity, torch.Tensor]()
    names = {place.name: place.names[1:] for place in places_of(layers)}
    for child, layer in layers.eval().named_children():
        given: list[torch.Tensor] = []
        macs += count_macs(lambda images, layer=layer, given=given: given.append(layer(images)), value)
        (value,) = given
        weights |= held_weights(layer)
        cut, sizes = cut_name(child), "x".join(map(str, value.shape[1:]))
        numbers = [f"{value.nbytes}", f"{macs}", f"{sum(weight.numel() for weight in weights.values())}"]
        yield [cut, sizes, *numbers, type(layer).__name__, ", ".join(names[cut])]
