"""Networks that the user's own code builds."""

from __future__ import annotations

import hashlib
import inspect
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any, ClassVar, Self

import safetensors.torch
import torch.export
from pydantic import ConfigDict, Field, field_validator
from torch import nn

from ..benchmark.errors import UsageError, describe, reason_of
from ..benchmark.interfaces import Component
from ._content import DIGITS
from ._network import IMAGENET_CLASSES, WeightedNetwork

FORM = "Write python:build=package.module:function."


class _Built(Component):
    model_config = ConfigDict(validate_by_name=True, serialize_by_alias=True)
    function: str = Field("", alias="build", description="package.module:function; the folder of the call is searched")


class Python(WeightedNetwork, _Built):
    """A network that a function of yours returns, cut wherever one tensor crosses.

    The function is called with ``image_shape`` and ``classes`` if it has such arguments, and returns a torch module. If
    it returns the same weights each time, these are given weights: they are used as they are, and their content is
    part of the name of a cell. Otherwise the network is trained on the dataset, unless ``weights`` names a file.
    Images in [0, 1] are given to a trained network, unless ``mean`` and ``std`` say otherwise.

    The code runs with all your rights. So only the command line and Python may name it: a suite file cannot, and no
    command imports what a leaderboard or a record names.

    Example:
        mia-bench run --model python:build=my_package.networks:small --split conv1 --defense dp_ir

    Source: the user.
    """

    model_config = ConfigDict(validate_by_name=True, serialize_by_alias=True)
    names_code: ClassVar[bool] = True
    revision: int = Field(1, ge=1, description="raise it when the code changes, so that cells are computed again")
    content: str | None = Field(None, description="hash of weights that the function loads; run fills it in")

    @field_validator("function")
    @classmethod
    def _has_two_parts(cls, value: str) -> str:
        module, _, function = value.partition(":")
        if module.endswith(".py"):
            raise ValueError("Expected package.module:function, got a file. Leave out the suffix .py.")
        if value and not (function.isidentifier() and all(part.isidentifier() for part in module.split("."))):
            raise ValueError(f"Expected package.module:function. {FORM}")
        return value

    @property
    def given_weights(self) -> str | None:
        """The hash of the weights' content, from a file or from the function."""
        return super().given_weights or self.content

    def pinned(self, image_shape: tuple[int, int, int], classes: int) -> Self:
        """Return the model with the hash of the weights that the function loads, if it gives the same ones twice."""
        if self.given_weights:
            return self
        first, second = (content_of(self.untrained(image_shape, classes or IMAGENET_CLASSES)) for _ in range(2))
        return self.model_copy(update={"content": first}) if first == second else self

    def untrained(self, image_shape: tuple[int, int, int], classes: int) -> nn.Module:
        """Call the function."""
        if not self.function:
            raise UsageError(f"Expected a function that builds a network, got none. {FORM}")
        try:
            with _folder_of_the_call():
                function = _find(self.function)
                network: Any = function(**_wanted(function, image_shape=image_shape, classes=classes))
        except UsageError:
            raise
        except (Exception, SystemExit) as error:
            raise UsageError(
                f"Expected {self.function} to return a network, got {describe(error).removesuffix('.')}. Mend the "
                "function."
            ) from error
        if not isinstance(network, nn.Module):
            exported = isinstance(network, torch.export.ExportedProgram)
            mend = "Return program.module() of one that was exported after .eval()." if exported else "Mend it."
            raise UsageError(
                f"Expected {self.function} to return a torch.nn.Module, got {type(network).__name__}. {mend}"
            )
        if self.content and not self.weights and (found := content_of(network)) != self.content:
            raise UsageError(
                f"Expected weights {self.content} from {self.function}, got {found}. They have changed; run again."
            )
        return network


def content_of(network: nn.Module) -> str:
    """Hash the weights and buffers of a network.

    Raises:
        UsageError: If some are not dense tensors of a common type.
    """
    try:
        tensors = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in network.state_dict().items()}
        content = safetensors.torch.save(tensors)
    except Exception as error:  # an extra state, a sparse tensor, a lazy parameter, a type that safetensors lacks
        raise UsageError(
            f"Expected weights and buffers that are dense tensors, got others from {type(network).__name__}: "
            f"{reason_of(error)}. Convert them in the function."
        ) from error
    return f"sha256:{hashlib.sha256(content).hexdigest()[:DIGITS]}"


@contextmanager
def _folder_of_the_call() -> Iterator[None]:
    """Search modules in the current folder, too, after all others."""
    folder = os.getcwd()
    if folder in sys.path:
        yield
        return
    sys.path.append(folder)
    try:
        yield
    finally:
        sys.path.remove(folder)


def _find(written: str) -> Callable[..., Any]:
    module, _, name = written.partition(":")
    try:
        found = getattr(import_module(module), name, None)
    except ModuleNotFoundError as error:
        raise UsageError(
            f"Expected a module that can be imported, got {written}: {error}. Install it, or run in its folder."
        ) from error
    if not callable(found):
        raise UsageError(f"Expected a function in {module}, got none named {name!r}. {FORM}")
    return found


def _wanted(function: Callable[..., Any], **offered: Any) -> dict[str, Any]:
    """Those arguments that a function has."""
    known = inspect.signature(function).parameters
    return {name: value for name, value in offered.items() if name in known}
