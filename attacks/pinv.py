"""Exact inversion of a client that is affine, or affine followed by one ReLU."""

import copy
from collections.abc import Callable
from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn

from ..benchmark.errors import Inapplicable
from ..benchmark.interfaces import Access, Attack, Channel, CleanInput, Observation
from ._inversion.rmle import ir_shape, wire_as_ir

Linear = Callable[[Tensor], Tensor]
MAX_CHUNK_NUMBERS = 2**22
"""Numbers of the IR inverted at a time (32 MB in double precision)."""
MAX_PRECONDITIONED_PIXELS = 2**12
"""Pixels up to which the normal equations of the whole client are solved, to speed up those of each image."""
NEAR_ZERO = 1e-3
"""A number near zero, relative to the median of those of the wire."""
LARGEST_BEND = 1e-9
"""Rounding errors of a client in double precision that is affine, at most."""
FINISHED_ENERGY_SHARE = 1e-20
"""Squared residual of the normal equations, relative to that at the start, at which an image is finished."""


class Pinv(Attack):
    """Solve the linear equations of an affine client for each image, by least squares and without any data.

    It applies to clients such as one convolution or one fully connected layer, behind which a defense may change the
    numbers by another affine map, such as a low-pass filter. After a ReLU, only the equations of the
    positive numbers are known, which are often still more than the pixels; behind a defense that drops numbers, such as
    dropout, only those of the numbers that are not zero. If there are fewer, the result is a solution
    near mid-gray, and the nearest one if all numbers are known. The solver is conjugate gradients in double precision
    for each image, preconditioned by the equations of all numbers.

    Example:
        ``mia-bench run --attack pinv --dataset mnist --data-dir data --split conv1``

    Source: Hestenes & Stiefel 1952 (conjugate gradients on the normal equations, CGLS).
    """

    version: ClassVar[int] = 3
    access: ClassVar[Access] = Access.WHITE_BOX
    standard: ClassVar[bool] = False

    iterations: int = Field(300, ge=1, description="optimization steps")

    def reconstruct(self, seen: Observation) -> Tensor:
        """Solve the equations and return the images (N, C, H, W).

        Raises:
            Inapplicable: If the client is not affine up to one rectifier at its end.
        """
        assert seen.client is not None
        gray = torch.full((1, *seen.image_shape), 0.5, dtype=torch.float64, device=seen.aux.images.device)
        wire = wire_as_ir(seen)
        ir_shape(seen.client, gray[0].float(), wire)
        layers = _flat(copy.deepcopy(seen.client).requires_grad_(False).eval().double())
        last = max((place for place, layer in enumerate(layers) if not isinstance(layer, nn.Flatten)), default=0)
        rectified = isinstance(layers[last], nn.ReLU)
        affine = nn.Sequential(*layers[:last], *layers[last + rectified :])
        _check_affine(affine, gray)
        affine = _sent(affine, seen.channel, gray, rectified=rectified)
        precondition = _preconditioner(affine, gray)
        chunk = max(1, MAX_CHUNK_NUMBERS // wire[0].numel())
        parts = [
            self._solve(
                affine, part.double(), gray, precondition, known=_known(part, seen.channel, rectified=rectified)
            )
            for part in wire.split(chunk)
        ]
        return torch.cat(parts).clamp(0, 1).float()

    def _solve(self, affine: nn.Module, wire: Tensor, gray: Tensor, precondition: Linear, *, known: Tensor) -> Tensor:
        start = gray.expand(len(wire), -1, -1, -1)
        offset = affine(start)
        transpose = _transposed(affine, start)

        def forward(change: Tensor) -> Tensor:
            image = affine(start + change.view_as(start)) - offset
            return (image * known).flatten(1)

        def backward(values: Tensor) -> Tensor:
            return transpose(values.view_as(wire) * known).flatten(1)

        equations = ((wire - offset) * known).flatten(1)
        return start + _cgls(forward, backward, precondition, equations, iterations=self.iterations).view_as(start)


def _sent(affine: nn.Module, channel: Channel, gray: Tensor, *, rectified: bool) -> nn.Module:
    """Return the client and what a channel makes of its numbers, if both are affine; a ReLU may come in between."""
    clean = CleanInput(channel)
    sent, value = nn.Sequential(affine, clean), affine(gray) - affine(gray).mean()
    if _bend(sent, gray) > LARGEST_BEND or (rectified and not torch.equal(clean(value.relu()), clean(value).relu())):
        return affine
    return sent


def _known(wire: Tensor, channel: Channel, *, rectified: bool) -> Tensor:
    """Return which numbers of the wire (N, ...) are those of the IR, as truth values (N, ...).

    A ReLU leaves only positive numbers as they are. A zero is that of the IR, unless the distance of the channel is
    the same for a number near zero: then the channel drops numbers.
    """
    if rectified:
        return wire > 0
    zero = wire == 0
    size = wire[~zero].abs().median() if bool((~zero).any()) else wire.new_ones(())
    near = channel.distance(wire + NEAR_ZERO * size * zero, wire)  # (N,)
    tells = near > channel.distance(wire, wire)
    return ~zero | tells.view(-1, *[1] * (wire.dim() - 1))


def _transposed(affine: nn.Module, start: Tensor) -> Linear:
    """Return the transpose of the linear part, which maps values (N, ...) to images (N, C, H, W)."""
    pullback: Callable[..., tuple[Tensor, ...]] = torch.func.vjp(affine, start)[1]
    return lambda values: pullback(values)[0]


def _preconditioner(affine: nn.Module, gray: Tensor) -> Linear:
    """Return a map that solves the normal equations of all numbers of the wire; the identity if images are large."""
    pixels = gray.numel()
    if pixels > MAX_PRECONDITIONED_PIXELS:
        return lambda grad: grad
    basis = torch.eye(pixels, dtype=gray.dtype, device=gray.device).view(pixels, *gray.shape[1:])
    rows = []
    for part in basis.split(100):
        start = gray.expand_as(part)
        change = affine(start + part) - affine(start)
        rows.append(_transposed(affine, start)(change).flatten(1))
    gram = torch.cat(rows)  # (d, d)
    values, vectors = torch.linalg.eigh((gram + gram.T) / 2)
    inverse = torch.where(values > 1e-12 * values[-1], 1 / values, 0)  # the other directions are undetermined
    matrix = (vectors * inverse) @ vectors.T
    return lambda grad: grad @ matrix


def _cgls(forward: Linear, backward: Linear, precondition: Linear, values: Tensor, *, iterations: int) -> Tensor:
    """Compute the least-squares solution (N, d) of ``forward(x) = values`` for N systems of values (N, k)."""
    residual = values
    grad = backward(residual)
    direction = precondition(grad)
    solution = torch.zeros_like(grad)
    energy = first = _product(grad, direction)
    for _ in range(iterations):
        if bool((energy <= FINISHED_ENERGY_SHARE * first).all()):
            break
        image = forward(direction)
        step = energy / _product(image, image).clamp(min=1e-300)
        solution = solution + step * direction
        residual = residual - step * image
        grad = backward(residual)
        preconditioned = precondition(grad)
        previous, energy = energy, _product(grad, preconditioned)
        direction = preconditioned + energy / previous.clamp(min=1e-300) * direction
    return solution


def _product(first: Tensor, second: Tensor) -> Tensor:
    """Compute the scalar products of vectors (N, d), (N, 1)."""
    return (first * second).sum(1, keepdim=True)


def _flat(module: nn.Module) -> list[nn.Module]:
    """Return the layers in order, without their containers."""
    if not isinstance(module, nn.Sequential):
        return [module]
    return [layer for part in module for layer in _flat(part)]


def _bend(function: nn.Module, gray: Tensor) -> float:
    """Return how far a function is from an affine one, as a share of how far its values are from one another."""
    away = torch.rand(4, *gray.shape[1:], dtype=gray.dtype, device=gray.device) - 0.5
    middle, ahead, behind = function(gray), function(gray + away), function(gray - away)
    return ((ahead + behind - 2 * middle).abs().max() / (ahead - behind).abs().max().clamp(min=1e-300)).item()


def _check_affine(function: nn.Module, gray: Tensor) -> None:
    if _bend(function, gray) > LARGEST_BEND:
        raise Inapplicable(
            "Expected an affine client, with at most one ReLU at its end, got one that is not affine. "
            "Choose a split after the first convolution, or another attack."
        )
