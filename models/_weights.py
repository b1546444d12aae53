"""Weights from files: read without running code, and given to a network that they fit."""

from __future__ import annotations

import logging
import re
import warnings
from collections.abc import Collection, Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, cast

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor, nn

from ..benchmark.errors import UsageError, describe, reason_of

logger = logging.getLogger(__name__)

PICKLED = (".pt", ".pth", ".bin", ".ckpt", ".tar")
"""Suffixes of files that torch.save writes."""
WRAPPERS = ("state_dict_ema", "model_ema", "state_dict", "model_state_dict", "model", "network", "net")
"""Keys under which training programs keep the weights, the first ones preferred; other keys count if only one fits.
Averages over training steps come before the weights of the last step, as in ``timm.models.load_checkpoint``."""
COUNTER, AVERAGED = "num_batches_tracked", "n_averaged"
"""Names of counts in batch normalization, which may be missing, and in averages of weights, which the network lacks."""
MAX_LEVELS = 4
"""Checkpoints inside each other that are opened, at most."""
SAVE = "Save the weights alone: torch.save(network.state_dict(), FILE), or safetensors.torch.save_file."


def read_weights(path: Path) -> dict[str, Tensor]:
    """Read named tensors from a file of safetensors, or from one of torch.save that holds nothing but tensors.

    Of a checkpoint with several sets of weights, those whose key is the first in ``WRAPPERS`` are read.

    Raises:
        UsageError: If it is another file, a damaged one, or one that would have to run code.
    """
    suffix = path.suffix.lower()
    if suffix == ".safetensors":
        try:
            return safetensors.torch.load_file(path)
        except (SafetensorError, OSError) as error:
            raise UsageError(f"Expected a file of safetensors, got {path}: {reason_of(error)}. {SAVE}") from error
    if suffix == ".pt2":
        raise UsageError(
            f"Expected weights, got the torch.export archive {path}. Such archives can run code when they are read. "
            f"{SAVE}"
        )
    if suffix not in PICKLED:
        raise UsageError(
            f"Expected a file that ends in .safetensors, {', '.join(PICKLED[:-1])} or {PICKLED[-1]}, got {path}. {SAVE}"
        )
    return _tensors_in(_load_pickled(path), path)


def _load_pickled(path: Path) -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of archives of TorchScript and of other protocols of pickle
            return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # damaged files raise whatever the parts of torch that read them do
        if "TorchScript" in str(error):
            raise UsageError(f"Expected weights, got the TorchScript archive {path}, which is code. {SAVE}") from error
        held = re.search(r"GLOBAL (\S+)", str(error))
        if held:
            raise UsageError(
                f"Expected a file that holds nothing but tensors, got {path} with {held[1]}, whose code would have to "
                f"run. {SAVE}"
            ) from error
        raise UsageError(
            f"Expected weights, got {path}, which is not a file of torch.save, or damaged ({_first(error)}). {SAVE}"
        ) from error


def _first(error: Exception) -> str:
    """Return the type and the first sentence of an error, which torch may follow with advice to trust the file."""
    return describe(error).partition(". ")[0].rstrip(".")


def _tensors_in(loaded: Any, path: Path) -> dict[str, Tensor]:
    loaded = _unpacked(loaded, path) if isinstance(loaded, Mapping) else loaded
    if not isinstance(loaded, Mapping) or not loaded:
        raise UsageError(f"Expected named tensors, got a {type(loaded).__name__} in {path}. {SAVE}")
    sets = [repr(key) for key, each in loaded.items() if _are_tensors(each)]
    if len(sets) > 1:
        raise UsageError(f"Expected one set of weights, got {len(sets)} in {path}: {', '.join(sets)}. {SAVE}")
    for name, value in loaded.items():
        if not isinstance(value, Tensor):
            raise UsageError(f"Expected named tensors, got {name!r} with a {type(value).__name__} in {path}. {SAVE}")
        if value.layout != torch.strided or value.is_quantized or value.is_meta:
            kind = "a quantized" if value.is_quantized else "an empty" if value.is_meta else "a sparse"
            raise UsageError(f"Expected dense tensors, got {kind} one called {name!r} in {path}. {SAVE}")
    return {str(name): tensor for name, tensor in loaded.items()}


def _unpacked(loaded: Mapping[Any, Any], path: Path) -> Mapping[Any, Any]:
    """Return the weights in a checkpoint, which holds them under a usual name or as its only named tensors."""
    for _ in range(MAX_LEVELS):  # a checkpoint may contain itself
        taken = next((key for key in WRAPPERS if isinstance(loaded.get(key), Mapping)), None)
        if taken is None:
            break
        others = [repr(key) for key, each in loaded.items() if key != taken and _are_tensors(each)]
        if others:
            _tell_choice(path, taken, ", ".join(others))
        loaded = loaded[taken]
    found = [each for each in loaded.values() if _are_tensors(each)]
    return found[0] if len(found) == 1 else loaded


@cache
def _tell_choice(path: Path, taken: str, others: str) -> None:
    """Log once which of several sets of weights is read."""
    logger.info("Read the weights %r of %s, which also holds %s. To use those, save them alone.", taken, path, others)


def _are_tensors(value: Any) -> bool:
    return isinstance(value, Mapping) and bool(value) and all(isinstance(each, Tensor) for each in value.values())


def without_prefix(weights: Mapping[str, Tensor], network: nn.Module) -> dict[str, Tensor]:
    """Take off what stands in front of the names: ``module.`` of DataParallel, or the attribute of an outer module.

    Example:
        >>> list(without_prefix({"net.weight": torch.ones(1, 1), "net.bias": torch.ones(1)}, nn.Linear(1, 1)))
        ['weight', 'bias']
    """
    found = {name: tensor for name, tensor in weights.items() if name != AVERAGED}
    wanted = [name for name in network.state_dict() if not name.endswith(COUNTER)]
    fronts = [name.removesuffix(wanted[0]) for name in found if wanted and name.endswith(wanted[0])]
    whole = [front for front in fronts if all(front + name in found for name in wanted)]
    front = whole[0] if len(whole) == 1 else _shared_front(found, wanted)
    return {name.removeprefix(front): tensor for name, tensor in found.items()}


def _shared_front(names: Iterable[str], wanted: Collection[str]) -> str:
    """Return what stands in front of all names, up to the first name that is wanted."""
    front, left = "", list(names)
    while left and not set(left) & set(wanted):
        part = f"{left[0].partition('.')[0]}."
        if not all(name.startswith(part) for name in left):
            return ""
        front, left = front + part, [name.removeprefix(part) for name in left]
    return front if left else ""


def other_classes(network: nn.Module, weights: Mapping[str, Tensor], classes: int) -> int | None:
    """Return for how many other classes than a network some weights are; None if for as many, or if that is unclear."""
    pairs = [(each, weights[name]) for name, each in network.state_dict().items() if name in weights]
    rows = {len(given) for each, given in pairs if each.dim() and given.dim() and len(each) == classes != len(given)}
    return rows.pop() if len(rows) == 1 else None


def fill(network: nn.Module, weights: Mapping[str, Tensor], source: str, *, ignored: Iterable[str] = ()) -> None:
    """Give a network weights that fit it exactly.

    Args:
        network: Gets them.
        weights: By name.
        source: Where they come from, in words.
        ignored: Beginnings of names that the network may lack.

    Raises:
        UsageError: If one is missing, unknown, of another shape, NaN or infinite.
    """
    expected, beginnings = network.state_dict(), tuple(ignored)
    given = {name: each for name, each in weights.items() if name in expected or not name.startswith(beginnings)}
    missing = [name for name in expected if name not in given and not name.endswith(COUNTER)]
    unknown = [name for name in given if name not in expected]
    if missing:
        raise UsageError(f"Expected the weights {_some(missing)}, got none in {source}. {_mend(unknown)}")
    if unknown:
        raise UsageError(f"Expected the weights of the network alone, got also {_some(unknown)} in {source}. {_mend()}")
    for name, tensor in given.items():
        if tensor.shape != expected[name].shape:
            shapes = tuple(expected[name].shape), tuple(tensor.shape)
            raise UsageError(
                f"Expected {name} to be {shapes[0]}, got {shapes[1]} in {source}. It is of another network, or of "
                "another size of the images."
            )
        if expected[name].is_floating_point() and not tensor.is_floating_point():
            kind = str(tensor.dtype).removeprefix("torch.")
            raise UsageError(
                f"Expected {name} to be floating-point numbers, got {kind} in {source}. Give the weights as they were "
                "before quantization."
            )
        if tensor.is_floating_point() and not tensor.float().isfinite().all():
            raise UsageError(f"Expected finite weights, got NaN or infinity in {name} in {source}. Train it again.")
    network.load_state_dict(cast(Mapping[str, Any], given), strict=False)


def _some(names: list[str]) -> str:
    more = f" and {len(names) - 1} others" if len(names) > 2 else f" and {names[1]!r}" if len(names) == 2 else ""
    return f"{names[0]!r}{more}"


def _mend(unknown: list[str] | None = None) -> str:
    other = f"; it has {_some(unknown)}, which the network lacks" if unknown else ""
    return f"Give the weights of this network{other}."
