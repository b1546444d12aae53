"""Kernel ridge regression from vectors to images, with a metric that the regression learns itself."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from torch import Tensor, nn

from ...benchmark.utils.least_squares import Equations
from .._units import LEAST_ERROR, TINY
from .fitting import log_error
from .queries import Queries

MAX_VECTOR_NUMBERS = 1024
"""Numbers of a vector, at most: the metric holds their square, and is learned from a gradient with respect to each."""
MAX_FITTED_IMAGES = 10_000
"""Images of the attacker's own that are fitted to, at most; 10,000 take 90 s of one core and 2 GB."""
MAX_PIXELS = 2**27
"""Pixels of these images, at most (1 GB in double precision)."""
TRIAL_IMAGES = 2000
"""Images on which metric, scale and penalty are chosen, at most."""
MEAN_DISTANCE_SQUARED = 32.0
"""Mean squared distance of two vectors, to which metrics are scaled."""
SCALES = (2.0, 4.0, 8.0)
"""Scales of the kernel that are tried."""
PENALTIES = (1e-3, 1e-2, 1e-1, 1.0, 10.0)
"""Penalties that are tried, in units of the kernel of a vector with itself."""
LARGEST_PENALTY = 1e6
"""Penalty from which equations that cannot be solved are an error."""
LINEAR_STRENGTH = 1e-4
"""Penalty on the linear map, in units of the mean variance of a number."""
ROUNDS = 2
"""Times that the metric is learned anew."""
GRADIENT_IMAGES = 300
"""Images at which the gradient is measured."""


class Solution(NamedTuple):
    """A solved system of equations.

    Attributes:
        factor: (n, d), so that the kernel times it is the deviation from the mean image.
        left_out: What the images (n, d) would be answered with, had each been left out, with all others of its source.
        error: Mean logarithm of the squared error of these, which is minus their mean PSNR, up to a factor.
    """

    factor: Tensor
    left_out: Tensor
    error: float


@dataclass(frozen=True)
class KernelSetting:
    """How vectors are compared.

    Attributes:
        metric: (m, m), which maps differences of vectors to those that count.
        scale: Of the kernel.
        penalty: On the squared error, in units of the kernel's diagonal.
    """

    metric: Tensor
    scale: float
    penalty: float


class KernelDecoder(nn.Module):
    """Decode vectors (N, ...) to images (N, C, H, W) by their similarity to those of known images."""

    def __init__(self, setting: KernelSetting, center: Tensor, known: Tensor, images: Tensor, factor: Tensor) -> None:
        """Take a vector (m,), what known ones differ by (n, m), their images (n, C, H, W), and the solution (n, d)."""
        super().__init__()
        self.shape, self.scale = tuple(images.shape[1:]), setting.scale
        self.register_buffer("metric", setting.metric)
        self.register_buffer("center", center)
        self.register_buffer("known", known @ setting.metric)
        self.register_buffer("mean", images.flatten(1).mean(0))
        self.register_buffer("factor", factor.float())

    def forward(self, wires: Tensor) -> Tensor:
        """Decode (N, ...)."""
        metric, center, known = self.get_buffer("metric"), self.get_buffer("center"), self.get_buffer("known")
        similar = matern((wires.flatten(1) - center) @ metric, known, self.scale)
        return torch.addmm(self.get_buffer("mean"), similar, self.get_buffer("factor")).unflatten(1, self.shape)


def fit_kernel(queries: Queries) -> KernelDecoder:
    """Fit to the attacker's own images that are not held out, without variations of them.

    The kernel is Matérn's of order 3/2. Its metric weighs each direction of the vectors by how much the image changes
    along it: first by the linear map, then by the regression itself.

    Source: Saunders, Gammerman, Vovk, ICML 1998 (kernel ridge regression); Radhakrishnan, Beaglehole, Pandit, Belkin,
    Science 383, 2024, algorithm 1 (a metric from the average outer product of the gradient).

    Args:
        queries: Vectors of at most ``MAX_VECTOR_NUMBERS``, and their images.
    """
    count = min(queries.own, MAX_FITTED_IMAGES, max(1, MAX_PIXELS // queries.images[0].numel()))
    index = torch.arange(count, device=queries.images.device)
    wires, images = queries.wires(index).flatten(1).float(), queries.images[index]
    center = wires.double().mean(0).float()
    wires = wires - center  # products of large numbers would hide small differences
    values, sources = images.flatten(1), queries.sources[:count].to(wires.device)
    trial = (wires[:TRIAL_IMAGES], values[:TRIAL_IMAGES], sources[:TRIAL_IMAGES])
    setting, solution = _chosen(_normalized(_from_linear(wires, values), wires), *trial)
    for _ in range(ROUNDS):
        metric = _normalized(_learned(setting, trial[0], solution), wires)
        setting, solution = _chosen(metric, *trial)
    left_out = solve(setting, wires, values, sources).left_out.clamp(0, 1)
    errors = (left_out - values).square().mean(1) + LEAST_ERROR
    weights = (errors / errors.mean()).double()  # since PSNR is a logarithm of the error of each image
    triangle = factorized(setting, wires, weights)
    factor = torch.cholesky_solve((values - values.mean(0)).double(), triangle)
    return KernelDecoder(setting, center, wires, images, factor)


def matern(left: Tensor, right: Tensor, scale: float) -> Tensor:
    """Return the kernel (K, n) of vectors (K, m) and (n, m)."""
    distance = torch.cdist(left, right).mul_(3**0.5 / scale)
    faded = distance.neg().exp_()
    return distance.add_(1).mul_(faded)


def factorized(setting: KernelSetting, wires: Tensor, weights: Tensor | float) -> Tensor:
    """Return the Cholesky factor (n, n) of the equations for vectors (n, m) and weights of the penalty, (n,) or one.

    If rounding errors leave none, the penalty is made larger until there is one.
    """
    projected = (wires @ setting.metric).double()
    gram = matern(projected, projected, setting.scale)
    gram.diagonal().add_(setting.penalty * weights)
    failed = torch.empty((), dtype=torch.int32, device=gram.device)
    torch.linalg.cholesky_ex(gram, out=(gram, failed), check_errors=setting.penalty >= LARGEST_PENALTY)
    return factorized(replace(setting, penalty=10 * setting.penalty), wires, weights) if failed else gram


def solve(setting: KernelSetting, wires: Tensor, values: Tensor, sources: Tensor) -> Solution:
    """Solve for images (n, d) of vectors (n, m), and answer each as if those of its source (n,) had been left out."""
    triangle = factorized(setting, wires, 1.0)
    solved = torch.cholesky_solve((values - values.mean(0)).double(), triangle)
    left_out = values - _residuals(torch.cholesky_inverse(triangle, out=triangle), solved, sources).float()
    return Solution(solved, left_out, log_error(left_out.clamp(0, 1), values).item())


def _residuals(inverse: Tensor, solved: Tensor, sources: Tensor) -> Tensor:
    """Return the errors (n, d) of images that are left out together if they have one source, (n,).

    Args:
        inverse: That of the equations, (n, n).
        solved: Its product with the images, (n, d).
        sources: The source of each image.
    """
    _, owners, sizes = sources.unique(return_inverse=True, return_counts=True)
    errors = solved / inverse.diagonal()[:, None]
    for members in owners.argsort().split(sizes.tolist()):
        if len(members) > 1:
            errors[members] = torch.linalg.solve(inverse[members[:, None], members], solved[members])
    return errors


def _from_linear(wires: Tensor, values: Tensor) -> Tensor:
    """Return the metric (m, m) that weighs directions by how much a linear map of vectors (n, m) depends on them."""
    weight = Equations.gather(wires, values, dual=False).solve(LINEAR_STRENGTH).weight
    return _root(weight @ weight.T)


def _learned(setting: KernelSetting, wires: Tensor, solution: Solution) -> Tensor:
    """Return the metric (m, m) that weighs directions by the mean squared gradient of the regression along them."""
    projected, factor = wires @ setting.metric, solution.factor.float()
    rate = 3**0.5 / setting.scale
    outer = torch.zeros_like(setting.metric)
    for here in projected[torch.randperm(len(projected))[:GRADIENT_IMAGES].to(wires.device)].split(1):
        slope = -(rate**2) * (-rate * torch.cdist(here, projected)[0]).exp()  # of the kernel, by its distance
        gradient = torch.outer(here[0], slope @ factor) - (slope[:, None] * projected).T @ factor  # (m, d)
        outer += gradient @ gradient.T
    return setting.metric @ _root(outer.double())


def _root(outer: Tensor) -> Tensor:
    """Return a matrix (m, m) in single precision that, times its transpose, is a positive semidefinite one."""
    values, vectors = torch.linalg.eigh(outer / outer.trace().clamp(min=TINY))
    return (vectors * values.clamp(min=0).sqrt()).float()


def _normalized(metric: Tensor, wires: Tensor) -> Tensor:
    """Scale a metric so that vectors (n, m) have the squared distance ``MEAN_DISTANCE_SQUARED`` on average."""
    spread = (wires @ metric).var(0, correction=0).sum() * 2
    return metric * (MEAN_DISTANCE_SQUARED / spread.clamp(min=TINY)).sqrt()


def _chosen(metric: Tensor, wires: Tensor, values: Tensor, sources: Tensor) -> tuple[KernelSetting, Solution]:
    """Return the scale and penalty with the least error of images that are left out, and their solution."""
    best: tuple[KernelSetting, Solution] | None = None
    for scale in SCALES:
        previous = torch.inf
        for penalty in PENALTIES:
            setting = KernelSetting(metric, scale, penalty)
            solution = solve(setting, wires, values, sources)
            if best is None or solution.error < best[1].error:
                best = setting, solution
            if solution.error > previous:
                break
            previous = solution.error
    assert best is not None
    return best
