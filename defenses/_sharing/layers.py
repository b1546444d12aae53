"""Affine layers on shares: integer weights, exact arithmetic modulo 2^64, without torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from .ring import LARGEST, Ring, multiply, row_sum

Kind = Literal["linear", "convolution", "scale", "reshape"]
NO_WEIGHTS = np.zeros((0, 0), dtype=np.int64)
NO_BIAS = np.zeros(0, dtype=np.int64)
IMAGES = 64
"""Images whose windows are held at a time."""


@dataclass(frozen=True)
class IntegerLayer:
    """An affine layer with integer weights.

    Attributes:
        kind: ``linear`` acts on the last axis, ``convolution`` on (N, C, H, W), ``scale`` multiplies each channel of
            (N, C, ...), ``reshape`` changes the shape only.
        weights: (outputs, inputs) of ``linear``; (O, C / groups * h * w) of ``convolution``; (C, 1) of ``scale``.
        bias: (outputs,), (O,) or (C,); empty for ``reshape``. Only one of the two servers adds it.
        shape: Shape of the result for one image.
        options: Of ``convolution``: ``kernel``, ``stride``, ``dilation`` (each height and width), ``groups``, and
            ``padding`` (left, right, top, bottom).
    """

    kind: Kind
    shape: tuple[int, ...]
    weights: NDArray[np.int64] = field(default_factory=lambda: NO_WEIGHTS)
    bias: NDArray[np.int64] = field(default_factory=lambda: NO_BIAS)
    options: dict[str, Any] = field(default_factory=dict)

    def __call__(self, numbers: Ring, *, add_bias: bool) -> Ring:
        """Apply the layer to numbers or to one share of them, (N, ...). Return (N, *shape)."""
        if self.kind == "reshape":
            return numbers.reshape(-1, *self.shape)
        bias = (self.bias if add_bias else np.zeros_like(self.bias)).view(np.uint64)
        if self.kind == "linear":
            product = multiply(numbers.reshape(-1, numbers.shape[-1]), self.weights)
            return (product + bias).reshape(-1, *self.shape)
        channels = (-1, *[1] * (len(self.shape) - 1))
        if self.kind == "scale":
            return numbers * self.weights[:, 0].view(np.uint64).reshape(channels) + bias.reshape(channels)
        parts = [self._convolve(numbers[at : at + IMAGES]) for at in range(0, len(numbers), IMAGES)]
        return np.concatenate(parts) + bias.reshape(channels)

    @cached_property
    def gain(self) -> int:
        """How much the layer may enlarge the largest magnitude, without the bias."""
        return 1 if self.kind == "reshape" else row_sum(self.weights)

    @property
    def offset(self) -> int:
        """The largest magnitude of the bias."""
        return int(np.abs(self.bias).max(initial=0))

    @property
    def multiplications(self) -> int:
        """Multiplications for one image, of numbers of the ring."""
        return 0 if self.kind == "reshape" else int(np.prod(self.shape)) * self.weights.shape[1]

    def _convolve(self, numbers: Ring) -> Ring:
        """Return the convolution (N, O, H, W) of numbers (N, C, H, W), as a product with all windows."""
        left, right, top, bottom = self.options["padding"]
        padded = np.pad(numbers, ((0, 0), (0, 0), (top, bottom), (left, right)))
        (height, width), (down, across) = self.options["kernel"], self.options["dilation"]
        windows = sliding_window_view(padded, (down * (height - 1) + 1, across * (width - 1) + 1), axis=(2, 3))
        stride = self.options["stride"]
        windows = windows[:, :, :: stride[0], :: stride[1], ::down, ::across]  # (N, C, H, W, h, w)
        groups = self.options["groups"]
        count, _, rows, columns = windows.shape[:4]
        results = []
        for window, weights in zip(
            np.split(windows, groups, axis=1), np.split(self.weights, groups, axis=0), strict=True
        ):
            flat = np.ascontiguousarray(window.transpose(0, 2, 3, 1, 4, 5)).reshape(count * rows * columns, -1)
            results.append(multiply(flat, weights).reshape(count, rows, columns, -1).transpose(0, 3, 1, 2))
        return np.concatenate(results, axis=1)


def input_limit(layers: Sequence[IntegerLayer]) -> int:
    """Return the largest magnitude of inputs for which no result of the layers, one after another, leaves the ring."""
    gain, offset, limit = 1, 0, LARGEST
    for layer in layers:
        gain, offset = gain * layer.gain, offset * layer.gain + layer.offset
        limit = min(limit, (LARGEST - offset) // gain if gain else limit)
    return max(limit, 0)


def output_bound(layers: Sequence[IntegerLayer], largest: int) -> int:
    """Return the largest magnitude of results for inputs of up to ``largest``."""
    for layer in layers:
        largest = largest * layer.gain + layer.offset
    return largest


def packed(layers: Sequence[IntegerLayer]) -> tuple[list[dict[str, Any]], list[bytes]]:
    """Return JSON-serializable descriptions of layers and their weights and biases as bytes, two for each layer."""
    described = [{"kind": each.kind, "shape": each.shape, "options": each.options} for each in layers]
    return described, [part.tobytes() for each in layers for part in (each.weights, each.bias)]


def unpacked(described: Sequence[dict[str, Any]], blobs: Sequence[bytes]) -> list[IntegerLayer]:
    """Undo ``packed``."""
    layers = []
    for each, weights, bias in zip(described, blobs[::2], blobs[1::2], strict=True):
        offset = np.frombuffer(bias, dtype=np.int64)
        matrix = np.frombuffer(weights, dtype=np.int64).reshape(len(offset), -1) if len(offset) else NO_WEIGHTS
        layers.append(IntegerLayer(each["kind"], tuple(each["shape"]), matrix, offset, each["options"]))
    return layers
