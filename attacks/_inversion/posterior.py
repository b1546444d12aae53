"""The function that maximum a posteriori inversion minimizes, for many wires together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from .._units import least_mean_unit
from .cosine_covariance import CosineCovariance
from .distance import Distance
from .lbfgs import MIN_LOSS_DECREASE, Minimization, finished
from .map_priors import Prior
from .rmle import inverted_at_a_time


@dataclass(frozen=True)
class Batch:
    """Wires that are searched together, in the order of their folds.

    Attributes:
        wires: (N, ...).
        starts: Where the search begins, (N, C, H, W).
        fold: Which of the priors holds for each, (N,), in ascending order.
    """

    wires: Tensor
    starts: Tensor
    fold: Tensor

    @classmethod
    def of(cls, wires: Sequence[Tensor], starts: Sequence[Tensor]) -> Batch:
        """Join the wires (n, ...) and the starts (n, C, H, W) of each fold."""
        counts = torch.tensor([len(some) for some in wires], device=wires[0].device)
        fold = torch.arange(len(wires), device=counts.device).repeat_interleave(counts)
        return cls(torch.cat(list(wires)), torch.cat(list(starts)), fold)

    def repeated(self, times: int) -> Batch:
        """Repeat each wire."""
        return Batch(*(each.repeat_interleave(times, 0) for each in (self.wires, self.starts, self.fold)))

    def split(self, count: int) -> list[Batch]:
        """Divide it into batches of ``count`` wires."""
        parts = (each.split(count) for each in (self.wires, self.starts, self.fold))
        return [Batch(*each) for each in zip(*parts, strict=True)]


@dataclass(frozen=True)
class Posterior:
    """The function to minimize for each image, misfit / ``misfit`` + weight * penalty / ``typical``.

    Attributes:
        client: Maps images to clean IRs.
        distance: Misfit of clean IRs (N, ...) with wires (N, ...), (N,).
        priors: What images are like, for each fold and, if any are searched for, for the private images.
        misfit: Unit of the first term, the misfit of starts on images held out.
        typical: Unit of the second, the penalty of true images held out.
        errors: The covariance of the errors of the decoder that gave the starts, for each prior. It is the
            preconditioner; an empty sequence means that the search has none.
    """

    client: nn.Module
    distance: Distance
    priors: Sequence[Prior]
    misfit: float = 1.0
    typical: float = 1.0
    errors: Sequence[CosineCovariance] = ()

    def scaled(self, pilots: Batch, truth: Tensor) -> Posterior:
        """Measure the units on images held out and their true values (N, C, H, W)."""
        with torch.no_grad():
            misfit = self.distance(self.client(pilots.starts), pilots.wires).mean().item()
            typical = self.penalty(truth, pilots.starts, pilots.fold).mean().item()
        misfit = max(misfit, least_mean_unit(pilots.wires, 1e-12))
        return replace(self, misfit=misfit, typical=max(typical, 1e-12))

    def penalty(self, images: Tensor, starts: Tensor, fold: Tensor) -> Tensor:
        """Compute how unlikely images (N, C, H, W) are, each by the prior of its fold, (N,)."""
        counts = fold.bincount(minlength=len(self.priors)).tolist()
        parts = zip(self.priors, images.split(counts), starts.split(counts), strict=True)
        return torch.cat([prior.penalty(some, near) for prior, some, near in parts if len(some)])

    def precondition(self, grad: Tensor, fold: Tensor) -> Tensor:
        """Multiply gradients (N, C, H, W), each by the covariance of the errors of its fold."""
        if not self.errors:
            return grad
        counts = fold.bincount(minlength=len(self.errors)).tolist()
        parts = zip(self.errors, grad.split(counts), strict=True)
        return torch.cat([errors(some) for errors, some in parts if len(some)])

    def search(self, batch: Batch, *, weight: Tensor, iterations: int) -> Tensor:
        """Minimize for a batch with weights (N,) and return the images (N, C, H, W)."""
        return finished(self.searches(batch, weight=weight), iterations)

    def searches(self, batch: Batch, *, weight: Tensor) -> Iterator[Minimization]:
        """Begin the searches for a batch with weights (N,), each for as many wires as are inverted at a time."""
        chunk = inverted_at_a_time(self.client, batch.wires, batch.starts[0])
        for part, weights in zip(batch.split(chunk), weight.split(chunk), strict=True):

            def loss(images: Tensor, index: Tensor, part: Batch = part, weights: Tensor = weights) -> Tensor:
                value = self.client(images.contiguous(memory_format=torch.channels_last))
                fit = self.distance(value, part.wires[index]) / self.misfit
                penalty = self.penalty(images, part.starts[index], part.fold[index])
                return fit + weights[index] * penalty / self.typical

            def preconditioner(grad: Tensor, index: Tensor, part: Batch = part) -> Tensor:
                return self.precondition(grad, part.fold[index])

            yield Minimization(loss, part.starts, tolerance=MIN_LOSS_DECREASE, preconditioner=preconditioner)
