"""What the server computes on ciphertexts: matrices, biases and squares."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load, save

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Layer:
    """One step: y = matrix @ x + bias, then perhaps its square.

    Attributes:
        matrix: (outputs, inputs); None for the identity, which costs no level.
        bias: (outputs,).
        squared: whether each number is squared at the end.
    """

    matrix: Array | None
    bias: Array
    squared: bool

    @property
    def inputs(self) -> int:
        """Length of the vector it takes."""
        return len(self.bias) if self.matrix is None else self.matrix.shape[1]

    @property
    def outputs(self) -> int:
        """Length of the vector it gives."""
        return len(self.bias)

    @property
    def levels(self) -> int:
        """Multiplications that follow one another."""
        return (self.matrix is not None) + self.squared

    def __call__(self, values: Array) -> Array:
        """Apply it in the clear to (N, inputs)."""
        result = (values if self.matrix is None else values @ self.matrix.T) + self.bias
        return result**2 if self.squared else result


@dataclass(frozen=True)
class Program:
    """Layers between a client that scales its numbers up and one that scales the results back.

    The scales keep what is encrypted well above the noise of CKKS and below its largest number.

    Attributes:
        layers: what the server does, in order.
        input_scale: the client multiplies by it before it encrypts.
        output_scale: the client divides by it after it decrypts.
    """

    layers: tuple[Layer, ...]
    input_scale: float
    output_scale: float

    @property
    def levels(self) -> int:
        """Multiplications that follow one another."""
        return sum(layer.levels for layer in self.layers)

    @property
    def squares(self) -> bool:
        """Whether it needs relinearization keys."""
        return any(layer.squared for layer in self.layers)

    @property
    def inputs(self) -> int:
        """Length of the vector that is encrypted."""
        return self.layers[0].inputs

    @property
    def outputs(self) -> int:
        """Length of the vector that is decrypted."""
        return self.layers[-1].outputs

    def __call__(self, values: Array) -> Array:
        """Run it in the clear, scales included: (N, inputs) to (N, outputs)."""
        values = values * self.input_scale
        for layer in self.layers:
            values = layer(values)
        return values / self.output_scale


def to_bytes(layers: Sequence[Layer]) -> bytes:
    """Write layers as safetensors."""
    tensors = {}
    for index, layer in enumerate(layers):
        tensors[f"{index}.bias"] = np.ascontiguousarray(layer.bias)
        tensors[f"{index}.squared"] = np.array(layer.squared)
        if layer.matrix is not None:
            tensors[f"{index}.matrix"] = np.ascontiguousarray(layer.matrix)
    return save(tensors)


def from_bytes(data: bytes) -> tuple[Layer, ...]:
    """Read layers.

    Raises:
        ValueError: if the shapes do not follow one another.
    """
    tensors = load(data)
    count = sum(name.endswith(".bias") for name in tensors)
    layers = tuple(
        Layer(tensors.get(f"{index}.matrix"), tensors[f"{index}.bias"], bool(tensors[f"{index}.squared"]))
        for index in range(count)
    )
    for before, after in pairwise(layers):
        if before.outputs != after.inputs:
            raise ValueError(f"a layer of {before.outputs} outputs is followed by one of {after.inputs} inputs")
    return layers
