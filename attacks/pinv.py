"""Exact inversion of a client that is affine, or affine up to one rectifier."""

import copy
from collections.abc import Callable
from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn

from ..benchmark.errors import Inapplicable
from ..benchmark.interfaces import Access, Attack, Observation
from ._inversion.rmle import comparable, ir_shape

Linear = Callable[[Tensor], Tensor]
CHUNK_NUMBERS = 2**22
"""Numbers of the IR inverted at a time (32 MB in double precision)."""
PIXELS = 2**12
"""Pixels up to which the normal equations of the whole client are solved, to speed up those of each image."""
TOLERANCE = 1e-20
"""Squared residual of the normal equations, relative to that at the start, at which an image is finished."""


class Pinv(Attack):
    """Solves the linear equations that an affine client makes of each image, by least squares and without any data.

    Applies to clients such as one convolution or one fully connected layer. A rectifier at the end leaves the
    equations of the numbers that arrived positive; there are often still more of them than pixels. Where there are
    fewer, the answer is a solution near mid-gray, the nearest one where all numbers arrived. Conjugate gradients in
    double precision, each image with equations of its own, preconditioned by the equations that they would be if
    everything had arrived.

    Source: Hestenes & Stiefel 1952 (conjugate gradients on the normal equations, CGLS).
    """

    access: ClassVar[Access] = Access.WHITE_BOX
    standard: ClassVar[bool] = False

    iterations: int = Field(300, ge=1, description="optimization steps")

    def reconstruct(self, seen: Observation) -> Tensor:
        """Solve the equations; images (N, C, H, W).

        Raises:
            Inapplicable: if the client is not affine up to one rectifier at its end.
        """
        assert seen.client is not None
        gray = torch.full((1, *seen.image_shape), 0.5, dtype=torch.float64, device=seen.aux.images.device)
        wire = comparable(seen)
        ir_shape(seen.client, gray[0].float(), wire)
        layers = _flat(copy.deepcopy(seen.client).requires_grad_(False).eval().double())
        rectified = isinstance(layers[-1], nn.ReLU)
        affine = nn.Sequential(*layers[:-1]) if rectified else nn.Sequential(*layers)
        _check_affine(affine, gray)
        soften = _preconditioner(affine, gray)
        chunk = max(1, CHUNK_NUMBERS // wire[0].numel())
        parts = [self._solve(affine, part.double(), gray, soften, rectified=rectified) for part in wire.split(chunk)]
        return torch.cat(parts).clamp(0, 1).float()

    def _solve(self, affine: nn.Module, wire: Tensor, gray: Tensor, soften: Linear, *, rectified: bool) -> Tensor:
        known = wire > 0 if rectified else wire != 0  # an exact zero is a dropped number
        start = gray.expand(len(wire), -1, -1, -1)
        offset = affine(start)
        transpose = _transposed(affine, start)

        def forward(change: Tensor) -> Tensor:
            image = affine(start + change.view_as(start)) - offset
            return (image * known).flatten(1)

        def backward(values: Tensor) -> Tensor:
            return transpose(values.view_as(wire) * known).flatten(1)

        equations = ((wire - offset) * known).flatten(1)
        return start + _cgls(forward, backward, soften, equations, iterations=self.iterations).view_as(start)


def _transposed(affine: nn.Module, start: Tensor) -> Linear:
    """The transpose of the linear part: from values (N, ...) to images (N, C, H, W)."""
    pullback: Callable[..., tuple[Tensor, ...]] = torch.func.vjp(affine, start)[1]
    return lambda values: pullback(values)[0]


def _preconditioner(affine: nn.Module, gray: Tensor) -> Linear:
    """Solves the normal equations of all numbers of the wire, as if none were missing; for images not too large."""
    pixels = gray.numel()
    if pixels > PIXELS:
        return lambda slope: slope
    basis = torch.eye(pixels, dtype=gray.dtype, device=gray.device).view(pixels, *gray.shape[1:])
    rows = []
    for part in basis.split(100):
        start = gray.expand_as(part)
        change = affine(start + part) - affine(start)
        rows.append(_transposed(affine, start)(change).flatten(1))
    gram = torch.cat(rows)  # (d, d)
    values, vectors = torch.linalg.eigh((gram + gram.T) / 2)
    inverse = torch.where(values > 1e-12 * values[-1], 1 / values, 0)  # no equation says anything of the others
    matrix = (vectors * inverse) @ vectors.T
    return lambda slope: slope @ matrix


def _cgls(forward: Linear, backward: Linear, soften: Linear, values: Tensor, *, iterations: int) -> Tensor:
    """The least-squares solution (N, d) of ``forward(x) = values`` for N systems of values (N, k)."""
    residual = values
    slope = backward(residual)
    direction = soften(slope)
    solution = torch.zeros_like(slope)
    energy = first = _product(slope, direction)
    for _ in range(iterations):
        if bool((energy <= TOLERANCE * first).all()):
            break
        image = forward(direction)
        step = energy / _product(image, image).clamp(min=1e-300)
        solution = solution + step * direction
        residual = residual - step * image
        slope = backward(residual)
        softened = soften(slope)
        previous, energy = energy, _product(slope, softened)
        direction = softened + energy / previous.clamp(min=1e-300) * direction
    return solution


def _product(first: Tensor, second: Tensor) -> Tensor:
    """Scalar products of (N, d), (N, 1)."""
    return (first * second).sum(1, keepdim=True)


def _flat(module: nn.Module) -> list[nn.Module]:
    """The layers in order, out of their containers."""
    if not isinstance(module, nn.Sequential):
        return [module]
    return [layer for part in module for layer in _flat(part)]


def _check_affine(function: nn.Module, gray: Tensor) -> None:
    away = torch.rand(4, *gray.shape[1:], dtype=gray.dtype, device=gray.device) - 0.5
    middle, ahead, behind = function(gray), function(gray + away), function(gray - away)
    bend = (ahead + behind - 2 * middle).abs().max() / (ahead - behind).abs().max().clamp(min=1e-300)
    if bend > 1e-9:
        raise Inapplicable("the client is not affine; only layers without bends, and one ReLU at the end, are inverted")
