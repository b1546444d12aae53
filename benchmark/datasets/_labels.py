"""Labels of any task: which task numbers are for, and the numbers as that task needs them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..errors import UsageError
from ..interfaces import Task

TaskChoice = Literal["auto", "classification", "multi-label", "regression", "unlabeled"]
"""The task that a user chooses for labels, or ``auto`` for the one that they fit."""
TASK = "what the labels are for; auto: what they fit; unlabeled: ignore them, and measure agreement alone"
"""The description of the parameter ``task`` of a dataset."""
MAX_CLASS = 2**53
"""Whole numbers from here on are not exact as floats, and are numbers to predict rather than classes."""
MAX_COLUMNS = 10_000
"""The largest number of labels or numbers of an image."""


class ClassNumber(str):
    """The name of a class that was given as a whole number, which may be the position of an output of a network."""

    __slots__ = ()


class Labels(NamedTuple):
    """Labels of images as ``ImageSet`` holds them, with the names of the classes or columns."""

    values: Tensor
    task: Task
    names: tuple[str, ...]


def no_labels(count: int) -> Labels:
    """Return the labels of ``count`` images that have none."""
    return Labels(torch.zeros(count, 0), "unlabeled", ())


def labels_for_task(
    values: NDArray[Any], wanted: TaskChoice, *, columns: Sequence[str], where: str, classes: bool
) -> Labels:
    """Find out what numbers are for, and bring them to the form of that task.

    Columns of 0 and 1, or of -1 and 1, are several labels of an image, unless each image has exactly one of several
    labels: then they are its class. A single column of whole numbers is the class if ``classes``. All others are
    numbers to predict.

    Args:
        values: The numbers, (N,) or (N, columns).
        wanted: The task, or ``auto``.
        columns: The names of the columns.
        where: The source of the numbers, for messages.
        classes: Whether a single column of whole numbers holds classes.

    Raises:
        UsageError: If they are not numbers, or do not fit the task.
    """
    if wanted == "unlabeled":
        return no_labels(len(values))
    table = values[:, None] if values.ndim == 1 else values
    if table.ndim != 2 or table.dtype.kind not in "biuf" or table.shape[1] > MAX_COLUMNS:
        raise UsageError(
            f"Expected a number, or a row of at most {MAX_COLUMNS:,} numbers, for each image in {where}, got "
            f"{values.shape} {values.dtype}. Give each image the number of its class, its labels or its numbers."
        )
    if not np.isfinite(table).all():
        raise UsageError(f"Expected a number for each image in {where}, got an empty or infinite one. Leave it out.")
    require_single_precision(table, where)
    task = _task_of(table, classes=classes) if wanted == "auto" else wanted
    if task == "classification":
        return _classes(table, columns, where)
    if task == "multi-label":
        return Labels(_flags(table, where), task, tuple(columns))
    return Labels(torch.from_numpy(table.astype(np.float32)), task, tuple(columns))


def require_single_precision(table: NDArray[Any], where: str) -> None:
    """Check that numbers have a value in float32, as which they are predicted.

    Raises:
        UsageError: If one is larger.
    """
    largest = np.abs(table.astype(np.float64)).max(initial=0)
    if largest > np.finfo(np.float32).max:
        raise UsageError(f"Expected numbers up to 3e38 in {where}, got {largest:g}. Scale them.")


def _task_of(table: NDArray[Any], *, classes: bool) -> Task:
    whole = bool((table == np.rint(table)).all() and (np.abs(table.astype(np.float64)) < MAX_CLASS).all())
    if table.shape[1] == 1 and classes:
        return "classification" if whole else "regression"
    if _are_flags(table):
        return "classification" if table.shape[1] > 1 and (_as_flags(table).sum(1) == 1).all() else "multi-label"
    return "regression"


def _are_flags(table: NDArray[Any]) -> bool:
    return bool(np.isin(table, (0, 1)).all() or np.isin(table, (-1, 1)).all())


def _as_flags(table: NDArray[Any]) -> NDArray[np.float32]:
    return (table > 0).astype(np.float32)


def _flags(table: NDArray[Any], where: str) -> Tensor:
    if not _are_flags(table):
        raise UsageError(
            f"Expected 0 and 1, or -1 and 1, in {where} for task=multi-label, got values from {table.min():g} to "
            f"{table.max():g}. Give task=regression to predict numbers."
        )
    return torch.from_numpy(_as_flags(table))


def _classes(table: NDArray[Any], columns: Sequence[str], where: str) -> Labels:
    if table.shape[1] > 1:
        flags = _as_flags(table)
        if not _are_flags(table) or (flags.sum(1) != 1).any():
            raise UsageError(
                f"Expected one class for each image in {where} for task=classification, got {table.shape[1]} columns "
                "in which not exactly one is 1. Give task=multi-label or task=regression."
            )
        return Labels(torch.from_numpy(flags.argmax(1)), "classification", tuple(columns))
    if (table != np.rint(table)).any():
        raise UsageError(
            f"Expected whole numbers in {where} for task=classification, got others. Give task=regression."
        )
    values, numbers = np.unique(table[:, 0], return_inverse=True)
    names = tuple(ClassNumber(int(value)) for value in values.tolist())
    return Labels(torch.from_numpy(numbers.astype(np.int64)), "classification", names)
