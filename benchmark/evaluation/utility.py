"""How useful a protected network is: the metric of its task, and its agreement with the undefended network."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from ..errors import ContractError
from ..interfaces import ImageSet, Task
from ..metrics.utility import Agreement, standard_error, utility
from ..task_names import METRICS
from ..utils.plurals import count_of
from .observe import chunks

MAX_KEPT_BYTES = 2**28
"""Outputs of the undefended network up to this size are kept for the next defenses. Larger ones are computed again."""


@dataclass(frozen=True)
class MeasuredUtility:
    """What is measured of the outputs of a protected network.

    Attributes:
        task: What the network is for.
        utility: Its metric, at most 1. Without labels, the agreement.
        undefended: The metric of the undefended network on the same images.
        agreement: The agreement of the outputs with those of the undefended network, in [0, 1].
        images: How many images were used.
        error: The standard error of the metric, if it is neither an accuracy nor an agreement.

    Example:
        >>> MeasuredUtility("regression", utility=0.8, undefended=0.9, agreement=0.95, images=100).metric
        'r2'
    """

    task: Task
    utility: float
    undefended: float
    agreement: float
    images: int
    error: float | None = None

    @property
    def metric(self) -> str:
        """The name of the metric."""
        return METRICS[self.task]

    @property
    def accuracy(self) -> float | None:
        """The utility, if it is the accuracy."""
        return self.utility if self.task == "classification" else None

    @property
    def accuracy_undefended(self) -> float | None:
        """The utility of the undefended network, if it is the accuracy."""
        return self.undefended if self.task == "classification" else None


class Answers:
    """The outputs of the undefended network for test images.

    Attributes:
        task: What the network is for.
        classes: Whether the outputs are logits of classes.
        images: The number of images.
        utility: The metric of the task. It is 1 without labels, as the network agrees with itself.
        error: The standard error of the metric, if it is neither an accuracy nor an agreement.

    Example: See ``measure``.
    """

    def __init__(self, network: Callable[[Tensor], Tensor], test: ImageSet, *, classes: bool) -> None:
        """Compute the outputs. Neither they nor the images may be changed by the network.

        Args:
            network: Gives outputs (B, ...) for images (B, C, H, W).
            test: The images, with their labels.
            classes: Whether the outputs are logits of classes.
        """
        (first,) = answers(network, test.images[:1])
        small = len(test) * first.numel() * first.element_size() <= MAX_KEPT_BYTES
        parts: Callable[[], Iterable[Tensor]] = partial(answers, network, test.images)
        if small:
            kept = list(parts())
            parts = partial(iter, kept)
        self.parts, self.classes, self.images = parts, classes, len(test)
        self.task: Task = test.task
        self.utility, self.error = 1.0, None
        if test.task != "unlabeled":
            outputs = torch.cat(list(parts()))
            self.utility = utility(test.task, outputs, test.labels)
            self.error = standard_error(test.task, outputs, test.labels)


@torch.no_grad()
def answers(network: Callable[[Tensor], Tensor], images: Tensor) -> Iterator[Tensor]:
    """Yield the outputs (B, ...) for images (N, C, H, W), which are copied, since a network may work in place."""
    for part in chunks(images):
        yield network(part.clone())


def of_undefended(reference: Answers) -> MeasuredUtility:
    """Return what is measured of the undefended network itself."""
    reached = reference.utility
    return MeasuredUtility(reference.task, reached, reached, 1.0, reference.images, reference.error)


def measure(
    network: Callable[[Tensor], Tensor], test: ImageSet, reference: Answers
) -> tuple[MeasuredUtility, list[Tensor]]:
    """Measure a protected network on test images.

    Args:
        network: Gives the outputs of the protected network for images (B, C, H, W).
        test: The images, with their labels.
        reference: The outputs of the undefended network for the same images.

    Returns:
        What was measured, and the outputs in parts; none for images without labels, whose outputs may be large.

    Raises:
        ContractError: If an output is NaN or infinity where that of the undefended network is not.
    """
    agreement, kept = Agreement(classes=reference.classes), list[Tensor]()
    for outputs, expected in zip(answers(network, test.images), reference.parts(), strict=True):
        _require_finite(outputs, expected)
        agreement.add(outputs, expected)
        if test.task != "unlabeled":
            kept.append(outputs)
    useful, error = agreement.value, None
    if kept:
        every = torch.cat(kept)
        useful, error = utility(test.task, every, test.labels), standard_error(test.task, every, test.labels)
    return MeasuredUtility(test.task, useful, reference.utility, agreement.value, len(test), error), kept


def _require_finite(outputs: Tensor, expected: Tensor) -> None:
    wrong = ~outputs.isfinite()
    if outputs.shape == expected.shape:
        wrong &= expected.isfinite()
    if wrong.any():
        count = int(wrong.flatten(1).any(1).sum())
        raise ContractError(
            f"Expected finite outputs of the protected network, got NaN or infinity for {count} of "
            f"{count_of(len(outputs), 'image')}. Train it with a smaller learning rate, or keep its numbers in range."
        )
