"""Programs that the server computes on ciphertexts: matrices, biases and squares."""

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
    """One step of a program: y = matrix @ x + bias, optionally followed by a square.

    Attributes:
        matrix: Matrix (outputs, inputs). None is the identity, which needs no level.
        bias: Bias (outputs,).
        squared: Whether each number is squared at the end.
    """

    matrix: Array | None
    bias: Array
    squared: bool

    @property
    def inputs(self) -> int:
        """Length of the input vector."""
        return len(self.bias) if self.matrix is None else self.matrix.shape[1]

    @property
    def outputs(self) -> int:
        """Length of the output vector."""
        return len(self.bias)

    @property
    def levels(self) -> int:
        """Number of successive multiplications."""
        return (self.matrix is not None) + self.squared

    def __call__(self, values: Array) -> Array:
        """Apply the layer to unencrypted vectors (N, inputs)."""
        result = (values if self.matrix is None else values @ self.matrix.T) + self.bias
        return result**2 if self.squared else result


@dataclass(frozen=True)
class Program:
    """A sequence of layers, and the scales of its inputs and outputs.

    The scales keep encrypted numbers far above the noise of CKKS and below its largest number.

    Attributes:
        layers: Layers, in the order of computation.
        input_scale: Factor by which the client multiplies before encryption.
        output_scale: Divisor of the client after decryption.
    """

    layers: tuple[Layer, ...]
    input_scale: float
    output_scale: float

    @property
    def levels(self) -> int:
        """Number of successive multiplications."""
        return sum(layer.levels for layer in self.layers)

    @property
    def squares(self) -> bool:
        """Whether the program needs relinearization keys."""
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
        """Run the program on unencrypted vectors, including the scales: (N, inputs) to (N, outputs)."""
        values = values * self.input_scale
        for layer in self.layers:
            values = layer(values)
        return values / self.output_scale


def to_bytes(layers: Sequence[Layer]) -> bytes:
    """Serialize layers as safetensors."""
    tensors = {}
    for index, layer in enumerate(layers):
        tensors[f"{index}.bias"] = np.ascontiguousarray(layer.bias)
        tensors[f"{index}.squared"] = np.array(layer.squared)
        if layer.matrix is not None:
            tensors[f"{index}.matrix"] = np.ascontiguousarray(layer.matrix)
    return save(tensors)


def from_bytes(data: bytes) -> tuple[Layer, ...]:
    """Read layers from safetensors.

    Raises:
        ValueError: If the shapes of successive layers do not match.
    """
    tensors = load(data)
    count = sum(name.endswith(".bias") for name in tensors)
    layers = tuple(
        Layer(tensors.get(f"{index}.matrix"), tensors[f"{index}.bias"], bool(tensors[f"{index}.squared"]))
        for index in range(count)
    )
    for before, after in pairwise(layers):
        if before.outputs != after.inputs:
            raise ValueError(
                f"Expected a layer of {before.outputs} inputs to follow, got one of {after.inputs} inputs."
            )
    return layers
