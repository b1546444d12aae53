"""Compilation of a network into programs that run on ciphertexts."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from ...benchmark.errors import Inapplicable
from ...benchmark.interfaces.stages import cut_name
from .._layers import SHAPING, flat
from .parameters import MAX_MODULUS_BITS
from .polynomial import ACTIVATIONS, Quadratic
from .program import Array, Layer, Program

POOLING = (nn.AvgPool1d, nn.AvgPool2d, nn.AdaptiveAvgPool2d)
LINEAR = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.BatchNorm1d, nn.BatchNorm2d)
AFFINE = (*LINEAR, *POOLING, *SHAPING, nn.ZeroPad2d)
LOCAL = (*ACTIVATIONS, nn.MaxPool2d)
"""Layers without weights, which the client computes in interactive mode."""
REASONS = {
    nn.Softmax: ("it divides by a sum of exponentials", "let the network end in logits"),
    nn.LogSoftmax: ("it takes a logarithm of exponentials", "let the network end in logits"),
    nn.LayerNorm: ("its statistics depend on the encrypted values", "use batch normalization"),
    nn.GroupNorm: ("its statistics depend on the encrypted values", "use batch normalization"),
    nn.InstanceNorm2d: ("its statistics depend on the encrypted values", "use batch normalization"),
    nn.MultiheadAttention: ("it multiplies and divides encrypted values", "split behind it"),
    nn.LSTM: ("it is recurrent", "split behind it"),
    nn.GRU: ("it is recurrent", "split behind it"),
}
MAX_SQUARE_INPUT = 8.0
"""Largest number before a square, after scaling. Measured: squares of at most 64 are far above the noise of CKKS."""
BASIS_BATCH = 512
"""Unit vectors that are passed through a network at once."""


@dataclass(frozen=True)
class Step:
    """Consecutive layers of one kind.

    Attributes:
        names: Names of the layers.
        network: The layers.
        affine: Whether the layers are affine. If not, the step is a single activation or pooling.
    """

    names: tuple[str, ...]
    network: nn.Sequential
    affine: bool


def steps(network: nn.Sequential) -> list[Step]:
    """Divide a network into runs of affine layers and single other layers.

    Raises:
        Inapplicable: If a layer cannot be computed on ciphertexts, or the last layer is not affine.
    """
    named = list(flat(network))
    for name, layer in named:
        _check(name, layer)
    result = []
    for affine, group in itertools.groupby(named, key=lambda each: isinstance(each[1], AFFINE)):
        parts = list(group)
        runs = [parts] if affine else [[part] for part in parts]
        result += [Step(tuple(n for n, _ in run), nn.Sequential(*(layer for _, layer in run)), affine) for run in runs]
    if not any(isinstance(layer, LINEAR) for _, layer in named):
        raise Inapplicable("The server has no layers with weights to compute on ciphertexts. Choose an earlier split.")
    if not result[-1].affine:
        raise Inapplicable(
            f"Expected an affine last layer, since encrypted programs end in logits, got {result[-1].names[0]!r}. "
            "Split earlier, or end the network in a fully connected layer."
        )
    return result


def _check(name: str, layer: nn.Module) -> None:
    reason, remedy = "mia-bench has no encrypted form of it", "split behind it"
    for kind, known in REASONS.items():
        if isinstance(layer, kind):
            reason, remedy = known
    if isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d) and layer.running_mean is None:
        reason, remedy = "it keeps no running statistics", "set track_running_stats"
    elif isinstance(layer, nn.MaxPool2d) and layer.dilation not in (1, (1, 1)):
        reason, remedy = "its windows are dilated", "use dilation 1"
    elif isinstance(layer, (*AFFINE, *LOCAL, Quadratic)):
        return
    raise Inapplicable(
        f"The layer {cut_name(name)!r} ({type(layer).__name__}) cannot be computed on ciphertexts: {reason}. "
        f"{remedy[0].upper()}{remedy[1:]}."
    )


def check_size(shape: Sequence[int], what: str) -> int:
    """Return how many numbers the value of one image has.

    Args:
        shape: Shape of the value.
        what: Name of the value, for the error message.

    Raises:
        Inapplicable: If the numbers do not fit into the slots of the largest ring.
    """
    numbers, most = int(np.prod(shape)), max(MAX_MODULUS_BITS) // 2
    if numbers > most:
        raise Inapplicable(
            f"Expected at most {most:,} numbers in {what}, for one ciphertext, got {numbers:,}. Split later."
        )
    return numbers


@torch.no_grad()
def affine(step: Step, shape: Sequence[int]) -> tuple[Array, Array]:
    """Return the matrix (outputs, inputs) and the bias (outputs,) of affine layers, computed from unit vectors.

    Args:
        step: The layers.
        shape: Shape of their input for one image.
    """
    inputs = check_size(shape, f"the input of {step.names[0]!r}")
    network = copy.deepcopy(step.network).double().cpu().eval()
    bias = network(torch.zeros(1, *shape, dtype=torch.float64)).flatten()
    check_size(bias.shape, f"the output of {step.names[-1]!r}")
    columns = [
        network(unit.view(-1, *shape)).flatten(1) - bias
        for unit in torch.eye(inputs, dtype=torch.float64).split(BASIS_BATCH)
    ]
    return torch.cat(columns).T.contiguous().numpy(), bias.numpy()


@dataclass(frozen=True)
class Round:
    """The computation between two decryptions.

    Attributes:
        local: Layers without weights, which the client computes before it encrypts.
        program: Program that the server runs on ciphertexts.
        shape: Shape of the result for one image.
    """

    local: nn.Sequential
    program: Program
    shape: tuple[int, ...]


@torch.no_grad()
def compile_oneshot(network: nn.Sequential, sample: Tensor, *, largest_output: float) -> list[Round]:
    """Compile a polynomial network into one program, a single round.

    a x^2 + b x + c is a (x + b / 2a)^2 + c': an addition and a square. The factor a and the constant c' become part of
    the next matrix.

    Args:
        network: Network of affine layers and quadratics.
        sample: Inputs of the network, (N, ...), from which the scales are computed.
        largest_output: Value to which the largest logit is scaled.
    """
    value, parts = sample, steps(network)
    matrix: Array | None = None
    size = check_size(sample.shape[1:], "the IR")
    bias, gain, rest = np.zeros(size), 1.0, 0.0  # The true value is gain * computed + rest.
    input_scale, layers = 1.0, []
    for number, step in enumerate(parts):
        before, value = value, cast(Tensor, step.network(value))
        if step.affine:
            weights, offset = affine(step, before.shape[1:])
            matrix, bias = weights * gain, offset + weights.sum(1) * rest
            size = len(bias)
            continue
        a, b, c = (coefficient.item() for coefficient in cast(Quadratic, step.network[0]).coefficients())
        shift = b / (2 * a)
        scale = MAX_SQUARE_INPUT / ((before + shift).abs().max().item() or 1.0)
        if number == 0:
            input_scale = scale
        else:
            if matrix is None:  # Two activations follow one another.
                matrix, bias = np.eye(size) * gain, np.full(size, rest)
            matrix = matrix * scale
        layers.append(Layer(matrix, (bias + shift) * scale, squared=True))
        matrix, bias = None, np.zeros(size)
        gain, rest = a / scale**2, c - b**2 / (4 * a)
    assert matrix is not None
    output_scale = largest_output / (value.abs().max().item() or 1.0)
    layers.append(Layer(matrix * output_scale, bias * output_scale, squared=False))
    if parts[0].affine:
        input_scale = MAX_SQUARE_INPUT / (sample.abs().max().item() or 1.0)
        first = layers[0]
        layers[0] = Layer(cast(Array, first.matrix) / input_scale, first.bias, first.squared)
    program = Program(tuple(layers), input_scale, output_scale)
    return [Round(nn.Sequential(), program, tuple(value.shape[1:]))]


@torch.no_grad()
def compile_interactive(network: nn.Sequential, sample: Tensor, *, largest_output: float) -> list[Round]:
    """Compile a network into one program for each run of affine layers. The client computes the layers in between.

    Args:
        network: The exact network.
        sample: Inputs of the network, (N, ...), from which the scales are computed.
        largest_output: Value to which the largest result is scaled.
    """
    value, rounds, local = sample, [], []
    for step in steps(network):
        before, value = value, step.network(value)
        if not step.affine:
            local.append(step.network[0])
            continue
        weights, offset = affine(step, before.shape[1:])
        input_scale = MAX_SQUARE_INPUT / (before.abs().max().item() or 1.0)
        output_scale = largest_output / (value.abs().max().item() or 1.0)
        layer = Layer(weights * (output_scale / input_scale), offset * output_scale, squared=False)
        program = Program((layer,), input_scale, output_scale)
        rounds.append(Round(nn.Sequential(*local), program, tuple(value.shape[1:])))
        local = []
    return rounds
