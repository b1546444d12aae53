"""Networks that the user's own code builds."""

from __future__ import annotations

import hashlib
from typing import ClassVar, Self

import safetensors.torch
from pydantic import Field, field_validator
from torch import nn

from ..benchmark.errors import UsageError, reason_of
from ..benchmark.interfaces import Component
from ..benchmark.utils.file_content import DIGITS
from ..benchmark.utils.isolation import isolated
from ._network import IMAGENET_CLASSES, WeightedNetwork
from ._user_code import FORM, call, code_of, require_code


class _Built(Component):
    function: str = Field("", alias="build", description="package.module:function; the folder of the call is searched")


class Python(WeightedNetwork, _Built):
    """A network that a function of yours returns, cut wherever one tensor crosses.

    The function is called with ``image_shape`` and ``classes`` if it has such arguments, and returns a torch module. If
    it returns the same weights each time, these are given weights: they are used as they are, and their content is
    part of the name of a cell. Otherwise the network is trained on the dataset, unless ``weights`` names a file.
    The code of the function, and of what it uses, is part of the name of a cell as well, so other code is another
    model. Files that it reads when the network is called are not: raise ``revision`` when they change.

    A network in a module may be named in place of a function. What a module changes of the process on import, such as
    the default type of tensors, the seed or the folder, is restored. A network with given weights gets images in
    [0, 1], and one that is trained gets normalized ones, unless ``mean`` and ``std`` say otherwise.

    The code runs with all your rights. So only the command line and Python may name it: a suite file cannot, and no
    command imports what a leaderboard or a record names.

    Example:
        mia-bench run --model python:build=my_package.networks:small --split conv1 --defense dp_ir

    Source: the user.
    """

    version: ClassVar[int] = 2

    names_code: ClassVar[bool] = True
    revision: int = Field(1, ge=1, description="raise it when files that the code reads change, to compute cells again")
    code: str | None = Field(None, description="hash of the code and of what it builds; run fills it in")
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
        """Return the model with the hash of its code, and that of weights that the function loads.

        These are weights that it gives twice. Random ones differ.

        Raises:
            UsageError: If the function cannot be called, or the code has changed since its hash was given.
        """
        built = []
        for count in range(2):
            with isolated("pinned", count):
                built.append(self.untrained(image_shape, classes or IMAGENET_CLASSES))
        code = code_of(self.function, (built[0], built[1]))
        if self.code and code != self.code:
            raise UsageError(
                f"Expected code {self.code} of {self.function}, got {code}. It has changed: leave out code."
            )
        found = {"code": code}
        if not self.given_weights:
            first, second = map(content_of, built)
            found |= {"content": first} if first == second else {}
        return self.model_copy(update=found)

    def untrained(self, image_shape: tuple[int, int, int], classes: int) -> nn.Module:
        """Call the function."""
        if not self.function:
            raise UsageError(f"Expected a function that builds a network, got none. {FORM}")
        if self.code:
            require_code(self.function, self.code)
        network = call(self.function, image_shape=image_shape, classes=classes)
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
