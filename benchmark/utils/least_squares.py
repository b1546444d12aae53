"""Linear least squares with a penalty, in double precision."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from .balance import balancing_units


@dataclass(frozen=True)
class Affine:
    """A map from vectors (N, k) to vectors (N, d), ``(v - center) @ weight + offset``, in float64.

    The weight (k, d) is ``factor``, or in dual form ``span.T @ factor``, which need not be formed to apply the map.

    Example:
        >>> double = Affine(torch.zeros(1), torch.ones(1), 2 * torch.eye(1, dtype=torch.float64), span=None)
        >>> double(torch.tensor([[3.0]])).item()
        7.0
    """

    center: Tensor  # (k,)
    offset: Tensor  # (d,)
    factor: Tensor  # (k, d), or (n, d) in dual form
    span: Tensor | None  # (n, k) in dual form

    @property
    def weight(self) -> Tensor:
        """Return the matrix (k, d)."""
        return self.factor if self.span is None else self.span.T @ self.factor

    def __call__(self, vectors: Tensor) -> Tensor:
        """Apply the map to vectors (N, k)."""
        centered = vectors.double() - self.center
        return (centered if self.span is None else centered @ self.span.T) @ self.factor + self.offset


@dataclass(frozen=True)
class Equations:
    """The normal equations of pairs (v, x), ready to be solved for any strength of the penalty.

    Minimizes sum |x - f(v)|^2 + strength * mean variance of v * n * |weight|^2 over affine f. Equations over the k
    numbers of v (primal) or over the n pairs (dual), whichever are fewer: the solution is the same. Numbers that are
    far larger than the others count in larger units, since they would set the penalty of all.

    Example:
        >>> vectors = torch.tensor([[0.0], [1.0], [2.0]])
        >>> Equations.gather(vectors, 2 * vectors).solve(1e-9)(torch.tensor([[3.0]])).round().item()
        6.0
    """

    center: Tensor  # (k,)
    offset: Tensor  # (d,)
    units: Tensor  # (k,), by which the numbers of v are multiplied first
    vectors: Tensor  # (n, k), centered and in these units
    gram: Tensor  # (k, k) primal, (n, n) dual
    right: Tensor  # (k, d) primal, (n, d) dual
    dual: bool

    @classmethod
    def gather(cls, vectors: Tensor, values: Tensor, *, dual: bool | None = None) -> Equations:
        """Gather the equations of ``vectors`` (n, k) and ``values`` (n, d)."""
        vectors, values = vectors.double(), values.double()
        center, offset = vectors.mean(0), values.mean(0)
        vectors, values = vectors - center, values - offset
        units = balancing_units(vectors)
        vectors.mul_(units)
        if dual is None:
            dual = vectors.shape[0] < vectors.shape[1]
        gram = vectors @ vectors.T if dual else vectors.T @ vectors
        return cls(center, offset, units, vectors, gram, values if dual else vectors.T @ values, dual)

    def solve(self, strength: float) -> Affine:
        """Solve for a strength relative to the mean eigenvalue of the (k, k) gram matrix."""
        damped = self.gram.clone()
        damped.diagonal().add_((strength * self.gram.trace() / self.vectors.shape[1]).clamp(min=1e-300))
        factor, failed = torch.linalg.cholesky_ex(damped)
        if failed:  # singular to rounding: the wire has fewer degrees of freedom than numbers
            solution = torch.linalg.lstsq(damped, self.right, driver=None if damped.is_cuda else "gelsd").solution
        else:
            solution = self.right.cholesky_solve(factor)
        if not self.dual:
            return Affine(self.center, self.offset, solution * self.units[:, None], None)
        reduced = bool((self.units < 1).any())  # a copy of all vectors may be large
        return Affine(self.center, self.offset, solution, self.vectors * self.units if reduced else self.vectors)
