"""Networks that are given as objects in Python."""

from __future__ import annotations

import copy
import logging
from collections.abc import Mapping
from typing import Any, ClassVar, Self

import torch
from pydantic import Field, PrivateAttr
from torch import nn

from ..benchmark.errors import UsageError, reason_of
from ..benchmark.interfaces import Component
from ..benchmark.utils.object_content import content_of
from ._graph import refuse_torchscript, unwrapped
from ._network import Network

logger = logging.getLogger(__name__)


class _Held(Component):
    kind: str = Field("", description="class of the network; run fills it in")
    content: str = Field("", description="hash of weights, code and attributes of the network; run fills it in")


class Module(Network, _Held):
    """A torch.nn.Module that is given in Python, cut wherever one tensor crosses.

    The network is copied, so it is never trained or changed. The copy is in evaluation mode, on the device of the run,
    and of type float32. Its weights are used as they are. Images in [0, 1] are given to it, unless ``mean`` and ``std``
    say otherwise. The classes of the images, in their order, are those of its outputs. Labels that are numbers may be
    fewer: those below the number of outputs are their positions, from 0.

    The hash of its content identifies its cells, so an equal network resumes them. Only a Python session that has the
    network can compute them: no command can, and ``verify`` does not try.

    Example:
        ``mia_bench.run(model=network, splits="layer2.1", dataset=(images, labels))``, with other parameters
        ``mia_bench.run(model={"name": network, "mean": 0.5, "std": 0.25}, ...)``

    Source: the user.
    """

    version: ClassVar[int] = 3
    holds_object: ClassVar[bool] = True
    _network: nn.Module | None = PrivateAttr(None)

    @classmethod
    def holding(cls, given: nn.Module, params: Mapping[str, Any]) -> Self:
        """Return the component that holds a copy of a network.

        Args:
            given: The network. It is not changed.
            params: Other parameters, such as ``mean`` and ``std``.

        Raises:
            UsageError: If the network is of TorchScript, or cannot be copied.
        """
        network = unwrapped(given)
        refuse_torchscript(network)
        network = _copied(network)
        if {"kind", "content"} & params.keys():
            raise UsageError("Expected neither kind nor content beside a network, which has them. Leave them out.")
        made = cls(**{"kind": type(network).__name__, "content": content_of(network), **params})
        made._network = network
        return made

    @property
    def given_weights(self) -> str | None:
        """The hash of the content of the network."""
        return self.content or None

    def network(self, image_shape: tuple[int, int, int], classes: int) -> nn.Module:
        """Return a copy of the network."""
        if self._network is None:
            raise UsageError(
                "Expected a network that is given in Python, as in mia_bench.run(model=network), got "
                f"{self.content or 'none'}. A command cannot read a network from a session: save its weights, and give "
                "python:build=module:function,weights=FILE."
            )
        return copy.deepcopy(self._network)


def _copied(network: nn.Module) -> nn.Module:
    """Return a copy on the CPU, in evaluation mode, with float32 weights and without gradients."""
    name = type(network).__name__
    kinds = {tensor.dtype for tensor in [*network.parameters(), *network.buffers()] if tensor.is_floating_point()}
    try:
        copied = copy.deepcopy(network, _computed(network)).cpu().eval().float().requires_grad_(False)
    except Exception as error:
        raise UsageError(
            f"Expected a network that can be copied, got a {name}, which copy.deepcopy refuses: {reason_of(error)}. "
            "Keep tensors of a computation out of lists in its attributes, and call lazy modules once."
        ) from error
    for parameter in copied.parameters():
        parameter.grad = None
    if others := sorted(str(kind).removeprefix("torch.") for kind in kinds - {torch.float32}):
        logger.info("A copy of %s with float32 weights is used in place of %s.", name, " and ".join(others))
    return copied


def _computed(network: nn.Module) -> dict[int, Any]:
    """Return copies of the tensors that a network has computed and keeps, such as weights that pruning has masked.

    ``copy.deepcopy`` takes them as done, since it refuses tensors with a gradient.
    """
    kept = [value for module in network.modules() for value in vars(module).values() if isinstance(value, torch.Tensor)]
    return {id(value): value.detach().clone() for value in kept if not value.is_leaf}
