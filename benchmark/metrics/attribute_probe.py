"""A probe that reads labels of images from what was sent for them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from ..utils.balance import balancing_units

PENALTIES = (1e-2, 0.3, 10.0)
"""Ridge penalties that are tried, in the mean of the kernel's diagonal."""
WIDTHS = (None, 1.0, 0.25)
"""Kernels that are tried: linear, and Gaussian ones, by twice the squared width in the median squared distance."""
MAX_SCALED = 500
"""Known images between which distances are measured, at most."""
TUNED_SHARE = 4
"""One of so many known images is held out to choose the kernel and the penalty, and then each of the others in turn."""


class ProbeAnswers(NamedTuple):
    """What a probe reads.

    Attributes:
        score: The share of the held-out known images, by which it is chosen, of which it reads each label, (labels,).
        crossed: The labels that it reads of all known images, (K, labels), each fitted to images without that one.
        answers: The labels that it reads of the unknown images, (M, labels), when it is fitted to all known ones.

    Example:
        >>> ProbeAnswers(torch.tensor([1.0]), torch.tensor([[1]]), torch.tensor([[0], [1]])).answers.shape
        torch.Size([2, 1])
    """

    score: Tensor
    crossed: Tensor
    answers: Tensor


def read_labels(known: Tensor, labels: Tensor, unknown: Tensor) -> ProbeAnswers:
    """Learn labels from known images, and read those of unknown images.

    The probe is ridge regression on indicators of the values of a label, with a linear or a Gaussian kernel: of
    several, for each label the one that reads it of the most held-out known images. So what is read of a label does
    not depend on which other labels there are.

    Args:
        known: What was sent for the known images, (K, D) with K of at least 2.
        labels: Their labels, (K, labels) int64, each counted from 0.
        unknown: What was sent for the unknown images, (M, D).

    Source: kernel ridge regression: Saunders, Gammerman, Vovk, ICML 1998; as a probe: Alain and Bengio, 2016,
    "Understanding intermediate layers using linear classifier probes".

    Example:
        >>> known, labels = torch.tensor([[0.0], [1.0]]).repeat(8, 1), torch.tensor([[0], [1]]).repeat(8, 1)
        >>> read_labels(known, labels, torch.tensor([[0.1], [0.8]])).answers.flatten()
        tensor([0, 1])
    """
    known, unknown = _standardized(known, unknown)
    targets = [functional.one_hot(column).float() for column in labels.T]
    means = [each.mean(0) for each in targets]
    products = torch.cat([known, unknown]) @ known.T  # (K + M, K)
    kernels = [_kernel(products, known, unknown, width) for width in WIDTHS]
    probes = [(kernel, penalty) for kernel in kernels for penalty in PENALTIES]
    everyone = torch.arange(len(products), device=labels.device)
    mine, others = everyone[: len(known)], everyone[len(known) :]

    def read(probe: int, columns: Sequence[int], fitted: Tensor, asked: Tensor) -> Tensor:
        kernel, penalty = probes[probe]
        centered = torch.cat([targets[each][fitted] - means[each] for each in columns], 1)
        near = kernel.index_select(1, fitted)
        rows = near.index_select(0, asked) @ _solved(near.index_select(0, fitted), centered, penalty)
        parts = rows.split([len(means[each]) for each in columns], 1)
        return torch.stack([(part + means[each]).argmax(1) for each, part in zip(columns, parts, strict=True)], 1)

    folds = [(mine[~torch.isin(mine, fold)], fold) for fold in mine.flip(0).split(max(1, len(mine) // TUNED_SHARE))]
    kept, tuned = folds[0]
    tried = torch.stack([read(probe, range(len(targets)), kept, tuned) for probe in range(len(probes))])
    score, chosen = (tried == labels[tuned]).double().mean(1).max(0)
    crossed, answers = torch.empty_like(labels), labels.new_empty(len(others), len(targets))
    for probe in chosen.unique().tolist():
        columns = (chosen == probe).nonzero().flatten().tolist()
        for fitted, fold in folds:
            crossed[fold[:, None], columns] = read(probe, columns, fitted, fold)
        answers[:, columns] = read(probe, columns, mine, others)
    return ProbeAnswers(score, crossed, answers)


def _standardized(known: Tensor, unknown: Tensor) -> tuple[Tensor, Tensor]:
    """Subtract the mean of known values and divide by their scale; what is not finite counts as 0.

    Values that are far larger than the others are reduced, since they would be all that a distance sees.
    """
    known, unknown = (torch.nan_to_num(each.double(), posinf=0, neginf=0) for each in (known, unknown))
    mean = known.mean(0)
    units = balancing_units(known - mean)
    known, unknown, mean = known * units, unknown * units, mean * units
    scale = (known - mean).square().sum(1).mean().sqrt().clamp(min=1e-12)
    known, unknown = ((each - mean) / scale for each in (known, unknown))
    return known.float(), unknown.clamp(-1e6, 1e6).float()


def _kernel(products: Tensor, known: Tensor, unknown: Tensor, width: float | None) -> Tensor:
    """Return the kernel of all rows, (K + M, D), and the known ones, (K + M, K), by their inner products."""
    if width is None:
        return products
    squares = torch.cat([known, unknown]).square().sum(1)
    distances = squares[:, None] - 2 * products + squares[: len(known)]
    apart = torch.pdist(known[:MAX_SCALED]).square()
    return (-distances.clamp(min=0) / (width * apart.median().clamp(min=1e-12))).exp()


def _solved(kernel: Tensor, targets: Tensor, penalty: float) -> Tensor:
    unit = kernel.diagonal().mean().clamp(min=1e-6)
    regular = kernel + penalty * unit * torch.eye(len(kernel), device=kernel.device)
    factor, failed = torch.linalg.cholesky_ex(regular)
    return torch.linalg.solve(regular, targets) if failed else torch.cholesky_solve(targets, factor)
