"""How useful a network is: a metric for each task, at most 1 and higher for a better network."""

from __future__ import annotations

import torch
from torch import Tensor

from ..interfaces import Task
from .image_quality import accuracy

PERMUTATIONS = 20
"""How often labels are permuted to measure what a network reaches by chance."""
RESAMPLES = 100
"""How often test images are drawn again to measure how much a metric varies with them."""


def utility(task: Task, outputs: Tensor, labels: Tensor) -> float:
    """Return how useful a network is, at most 1.

    It is the accuracy for classification, the mean average precision for multi-label tasks, and R2 for regression. The
    average precision needs no threshold, and is the same for logits and for probabilities.

    Args:
        task: What the network is for; any but ``unlabeled``.
        outputs: Outputs of the network, (N, outputs).
        labels: Labels as in ``ImageSet``, (N,) or (N, outputs).

    Example:
        >>> utility("regression", torch.tensor([[1.0], [3.0]]), torch.tensor([[1.0], [3.0]]))
        1.0
    """
    measure = {"classification": accuracy, "multi-label": mean_average_precision, "regression": r2}[task]
    return measure(outputs, labels)


def standard_error(task: Task, outputs: Tensor, labels: Tensor) -> float | None:
    """Return by how much ``utility`` varies with the test images, as a standard deviation, by the bootstrap.

    Args:
        task: What the network is for; any but ``unlabeled``.
        outputs: Outputs of the network, (N, outputs).
        labels: Labels as in ``ImageSet``, (N,) or (N, outputs).

    Returns:
        The standard error. None for a single image, and for an accuracy, whose interval follows from N.

    Source: Efron, Annals of Statistics 7 (1979) 1, method 2 of section 2.

    Example:
        >>> standard_error("regression", torch.arange(9.0)[:, None], torch.arange(9.0)[:, None])
        0.0
    """
    if task == "classification" or len(outputs) < 2:
        return None
    generator = torch.Generator().manual_seed(0)
    drawn = torch.randint(len(outputs), (RESAMPLES, len(outputs)), generator=generator).to(outputs.device)
    return torch.tensor([utility(task, outputs[some], labels[some]) for some in drawn]).double().std().item()


def mean_average_precision(outputs: Tensor, labels: Tensor) -> float:
    """Return the mean over labels of the average precision, in [0, 1].

    The average precision of a label is the sum over thresholds of the precision, weighted by the increase in recall.
    Images with equal outputs share a threshold. Labels that no image has are left out. By chance, it is about the share
    of images that have the label.

    Args:
        outputs: Logits or probabilities, (N, labels).
        labels: 0 or 1, (N, labels).

    Returns:
        The mean; 0 if no image has a label.

    Source: ``average_precision_score`` of scikit-learn; Everingham et al., IJCV 2010, for the mean over labels.

    Example:
        >>> mean_average_precision(torch.tensor([[0.9], [0.8], [0.1]]), torch.tensor([[1.0], [0.0], [1.0]]))
        0.8333333333333333
    """
    present = labels.sum(0).nonzero()[:, 0]
    found = [_average_precision(outputs[:, label], labels[:, label]) for label in present]
    return sum(found) / len(found) if found else 0.0


def _average_precision(scores: Tensor, truth: Tensor) -> float:
    ordered, order = scores.nan_to_num(nan=-torch.inf).double().sort(descending=True)
    right = truth[order].double().cumsum(0)
    _, counts = ordered.unique_consecutive(return_counts=True)
    ends = counts.cumsum(0) - 1  # the last image of each threshold
    precision, recall = right[ends] / (ends + 1), right[ends] / right[-1]
    return (precision * recall.diff(prepend=recall.new_zeros(1))).sum().item()


def r2(outputs: Tensor, labels: Tensor) -> float:
    """Return the share of the variance of numbers that a network explains, averaged over the numbers; at most 1.

    It is 0 for a network that always answers the mean, and negative for a worse one. Numbers that are the same for all
    images are left out.

    Args:
        outputs: Outputs of the network, (N, numbers).
        labels: True numbers, (N, numbers).

    Returns:
        The mean; 0 if no number varies.

    Example:
        >>> r2(torch.tensor([[1.0], [2.0]]), torch.tensor([[1.0], [3.0]]))
        0.5
    """
    truth = labels.double()
    spread = (truth - truth.mean(0)).square().sum(0)
    error = (outputs.double() - truth).square().sum(0)
    varies = spread > 0
    return (1 - error[varies] / spread[varies]).mean().item() if varies.any() else 0.0


class Agreement:
    """Compares the outputs of two networks, batch by batch.

    Example:
        >>> agreement = Agreement(classes=True)
        >>> agreement.add(torch.tensor([[0.1, 0.9], [0.8, 0.2]]), torch.tensor([[0.2, 0.7], [0.3, 0.4]]))
        >>> agreement.value
        0.5
    """

    def __init__(self, *, classes: bool) -> None:
        """Begin with no outputs.

        Args:
            classes: Whether the outputs are logits (N, classes), of which the largest is the answer.
        """
        self._classes = classes
        self._same = self._count = self._distance = 0.0
        self._spread: _Spread | None = None

    def add(self, outputs: Tensor, expected: Tensor) -> None:
        """Add the outputs of both networks for some images, (N, ...) each.

        Numbers that are not finite in ``expected`` do not count. Images that lack another number count as unanswered.
        """
        if self._classes:  # the logarithm of a probability may be minus infinity
            same = (outputs.argmax(1) == expected.argmax(1)) & (outputs < torch.inf).all(1)
            self._same += same.sum().item()
            self._count += len(outputs)
            return
        given, wanted = outputs.flatten(1).double(), expected.flatten(1).double()
        known = wanted.isfinite()  # a map may mark places without an answer by NaN
        self._spread = self._spread or _Spread(wanted, known)
        self._spread.add(wanted, known)
        answered = (given.isfinite() | ~known).all(1, keepdim=True)
        answers = given.where(answered, self._spread.center).where(known, 0)
        self._distance += (answers - wanted.where(known, 0)).square().sum().item()

    @property
    def value(self) -> float:
        """The share of equal answers, or 1 minus the distance relative to that of mean outputs, in [0, 1]."""
        if self._classes:
            return self._same / self._count
        spread = self._spread.total if self._spread else 0.0
        if not spread:
            return float(not self._distance)
        return max(0.0, 1 - (self._distance / spread) ** 0.5)


class _Spread:
    """The squared distance of numbers from their means over images, computed batch by batch."""

    def __init__(self, values: Tensor, known: Tensor) -> None:
        """Take the first batch, whose means are near to those of all, so that sums of squares lose no digits."""
        self.center = values.where(known, 0).sum(0) / known.sum(0).clamp(min=1)
        self._counts, self._sums, self._squares = (torch.zeros_like(self.center) for _ in range(3))

    def add(self, values: Tensor, known: Tensor) -> None:
        off = (values - self.center).where(known, 0)
        self._counts += known.sum(0)
        self._sums += off.sum(0)
        self._squares += off.square().sum(0)

    @property
    def total(self) -> float:
        return (self._squares - self._sums.square() / self._counts.clamp(min=1)).clamp(min=0).sum().item()


def by_chance(task: Task, labels: Tensor) -> dict[str, float]:
    """Return what a network reaches that learned nothing from the images, by name.

    Args:
        task: What the network is for.
        labels: Labels as in ``ImageSet``.

    Returns:
        ``chance``: the share of the most frequent class, the mean average precision of permuted labels, or 0, which is
        the R2 of the mean. For multi-label tasks also ``chance_high``, two standard deviations above. Nothing without
        labels.
    """
    if task == "classification":
        return {"chance": labels.bincount().max().item() / len(labels)}
    if task == "regression":
        return {"chance": 0.0}
    if task == "unlabeled":
        return {}
    generator = torch.Generator().manual_seed(0)
    orders = [torch.randperm(len(labels), generator=generator).to(labels.device) for _ in range(PERMUTATIONS)]
    ranks = torch.arange(len(labels), device=labels.device)[:, None].expand_as(labels)
    found = torch.tensor([mean_average_precision(ranks, labels[order]) for order in orders])
    return {"chance": found.mean().item(), "chance_high": (found.mean() + 2 * found.std()).item()}
