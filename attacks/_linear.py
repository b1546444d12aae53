"""Linear least squares with a penalty, in double precision."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Affine:
    """A map from vectors (N, k) to vectors (N, d): ``(v - center) @ weight + offset``, in float64."""

    center: Tensor
    weight: Tensor
    offset: Tensor

    def __call__(self, vectors: Tensor) -> Tensor:
        """Apply the map."""
        return (vectors.double() - self.center) @ self.weight + self.offset


@dataclass(frozen=True)
class Ridge:
    """The normal equations of pairs (v, x), ready to be solved for any strength of the penalty.

    Minimizes sum |x - f(v)|^2 + strength * mean variance of v * n * |weight|^2 over affine f. Equations over the k
    numbers of v (primal) or over the n pairs (dual), whichever are fewer: the solution is the same.
    """

    center: Tensor  # (k,)
    offset: Tensor  # (d,)
    vectors: Tensor  # (n, k), centered
    gram: Tensor  # (k, k) primal, (n, n) dual
    right: Tensor  # (k, d) primal, (n, d) dual
    dual: bool

    @classmethod
    def fit(cls, vectors: Tensor, values: Tensor, *, dual: bool | None = None) -> Ridge:
        """Gather the equations of ``vectors`` (n, k) and ``values`` (n, d)."""
        vectors, values = vectors.double(), values.double()
        center, offset = vectors.mean(0), values.mean(0)
        vectors, values = vectors - center, values - offset
        if dual is None:
            dual = vectors.shape[0] < vectors.shape[1]
        gram = vectors @ vectors.T if dual else vectors.T @ vectors
        return cls(center, offset, vectors, gram, values if dual else vectors.T @ values, dual)

    def solve(self, strength: float) -> Affine:
        """Solve for a strength relative to the mean eigenvalue of the gram matrix (k x k)."""
        damped = self.gram.clone()
        penalty = strength * damped.trace() / self.vectors.shape[1]
        damped.diagonal().add_(penalty.clamp(min=1e-300))
        factor, failed = torch.linalg.cholesky_ex(damped)
        solution = torch.linalg.lstsq(damped, self.right).solution if failed else self.right.cholesky_solve(factor)
        return Affine(self.center, self.vectors.T @ solution if self.dual else solution, self.offset)
