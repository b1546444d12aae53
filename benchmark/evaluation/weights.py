"""Weights that are trained once and cached."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

import torch
from torch import Tensor, nn

from ..errors import UsageError
from ..utils.cache import Cached, cache_path
from ..utils.checked_tensors import trained

Need = Literal["weights", "evaluators"]
"""Something that is trained and shared by settings, named by its folder in the cache."""


def load_or_train(
    module: nn.Module,
    need: Need,
    identity: Any,
    *,
    train: Callable[[], object],
    cached: Cached,
    what: str,
    remedy: str,
) -> nn.Module:
    """Give a module its trained weights, from the cache or by training it.

    A cached file that has different weights where the module has a single one, as earlier versions wrote them, is not
    used.

    Args:
        module: An untrained module.
        need: The folder in the cache.
        identity: Everything that determines the weights.
        train: A function that trains the module in place.
        cached: A function that looks the weights up, or has them computed.
        what: What is trained.
        remedy: What to do if its training diverges.

    Returns:
        The module, frozen and in evaluation mode.

    Raises:
        UsageError: If the cached weights have other names or shapes than the module.
        Diverged: If the training ends with a weight that is NaN or infinite.
    """

    def compute() -> dict[str, Tensor]:
        train()
        return _apart(trained(module.state_dict(), what, remedy))

    state = module.state_dict(keep_vars=True)
    unsaved = dict(module.named_buffers()).keys() - state.keys()  # which older files hold
    found = cached(need, identity, compute)
    if not _fit_together(found, state):
        identity = {"of": identity, "again": "a single weight differed from itself"}
        found = cached(need, identity, compute)
    weights = {name: tensor for name, tensor in found.items() if name not in unsaved}
    given, expected = ({name: tuple(tensor.shape) for name, tensor in tensors.items()} for tensors in (weights, state))
    for name in sorted(given.keys() | expected.keys()):
        if given.get(name) != expected.get(name):
            raise UsageError(
                f"Expected {name} to be {expected.get(name, 'absent')}, got {given.get(name, 'none')} in the "
                f"cached file {cache_path(need, identity)}. Delete it, and raise the version of a changed model."
            )
    for tensor in (*module.parameters(), *module.buffers()):
        tensor.data = tensor.data.clone()  # two parameters of one memory may have been trained apart
    module.load_state_dict(weights)
    return module.eval().requires_grad_(False)


def _fit_together(weights: Mapping[str, Tensor], state: Mapping[str, Tensor]) -> bool:
    """Return whether weights that are a single parameter of a module, which has several names, are equal."""
    first: dict[int, str] = {}
    return all(
        torch.equal(weights[name], weights[first.setdefault(id(tensor), name)])
        for name, tensor in state.items()
        if name in weights
    )


def _apart(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Copy weights that have several names, such as those of a layer that a network uses twice, to be stored."""
    first: dict[int, str] = {}
    return {
        name: tensor if first.setdefault(tensor.data_ptr(), name) == name else tensor.clone()
        for name, tensor in weights.items()
    }
