"""The checks that all pools of images must pass when a dataset is loaded."""

from __future__ import annotations

from collections.abc import Iterator
from math import isnan
from typing import get_args

import torch
from torch import Tensor

from ..errors import UsageError
from ..interfaces import ImageSet, Pools, Task
from ..interfaces.reconstruction import range_of
from ..interfaces.stored_images import StoredImages

SMALLEST = 7
"""Pixels a side that an image needs at least: the window of SSIM."""


def validate_pools(pools: Pools, name: str) -> None:
    """Check that pools hold what ``Pools`` and ``ImageSet`` promise.

    Nothing is converted, since labels of another type often have another meaning: one-hot, or counted from 1.
    Tensors may be views, of each other too, and need not be contiguous.

    Args:
        pools: What a dataset has loaded.
        name: The name of the dataset.

    Raises:
        UsageError: If they do not. The message says what was expected, what was given and what to do.
    """
    for expected, got, mend in _complaints(pools):
        raise UsageError(f"Expected {expected}, got {got}, from dataset {name}. {mend}")


_Complaint = tuple[str, str, str]
"""What was expected, what was given, and what to do."""


def _complaints(pools: Pools) -> Iterator[_Complaint]:
    """Yield complaints, the first of which matters: later ones rely on what earlier ones have checked."""
    if not isinstance(pools, Pools):
        yield "Pools", type(pools).__name__, "Return mia_bench.benchmark.interfaces.Pools from load."
    yield from _wrong_task(pools)
    yield from _wrong_classes(pools.classes, pools.task)
    for where in ("train", "aux", "private"):
        pool = getattr(pools, where)
        if not isinstance(pool, ImageSet):
            yield f"{where} to be an ImageSet", type(pool).__name__, "Wrap images and labels in an ImageSet."
        yield from _wrong_images(pool.images, where)
        yield from _wrong_labels(pool, where, len(pools.classes))
        if pool.task != pools.task:
            yield f"one task for all pools, as {pools.task} of train", f"{pool.task} in {where}", "Give all one task."
        yield from _wrong_sources(pool, where)
        yield from _wrong_attributes(pool, where, len(pools.attributes))
        shape, first = tuple(pool.images.shape[1:]), tuple(pools.train.images.shape[1:])
        if shape != first:
            yield f"all pools to hold images {first} as train", f"{shape} in {where}", "Give all images one size."
    if pools.task != "unlabeled" and len(pools.train.labels.unique(dim=0)) < 2:
        few = "images of at least 2 classes" if pools.task == "classification" else "images with different labels"
        yield f"train to have {few}", "1", "Add images of another class, or with other labels."


def _wrong_task(pools: Pools) -> Iterator[_Complaint]:
    if not isinstance(pools.train, ImageSet):
        yield "train to be an ImageSet", type(pools.train).__name__, "Wrap images and labels in an ImageSet."
    if pools.task not in get_args(Task):
        yield f"task to be one of {', '.join(get_args(Task))}", repr(pools.task)[:80], "Choose one of them."


def _wrong_classes(classes: tuple[str, ...], task: Task) -> Iterator[_Complaint]:
    if not isinstance(classes, tuple) or not all(isinstance(each, str) for each in classes):
        yield "classes to be a tuple of names", repr(classes)[:80], "Name each class by a string."
    fewest = {"classification": 2, "unlabeled": 0}.get(task, 1)
    if task == "unlabeled" and classes:
        yield "no classes, as the images have no labels", f"{len(classes)}", "Give no classes, or the labels."
    if len(classes) < fewest and task != "classification":
        yield "a name for each column of labels", "none", "Name the labels in classes."
    if len(classes) < fewest:
        mend = "Add images of another class, or give task=unlabeled, which imagefolder, npz and images in Python take."
        yield "at least 2 classes", f"{len(classes)}", mend
    if len(set(classes)) < len(classes):
        twice = next(each for each in classes if classes.count(each) > 1)
        yield "each class to have a different name", f"{twice!r} more than once", "Rename one of them."


def _wrong_images(images: Tensor, where: str) -> Iterator[_Complaint]:
    what = f"the images of {where}"
    if not isinstance(images, Tensor) or images.layout is not torch.strided:
        kind = images.layout if isinstance(images, Tensor) else type(images).__name__
        yield f"{what} to be a dense tensor", str(kind), "Convert them with torch.as_tensor or to_dense."
    shape = tuple(images.shape)
    if images.ndim != 4:
        yield f"{what} to be (N, C, H, W)", f"{shape}", "Gray images need a dimension of one channel, too."
    if not len(images):
        yield f"{where} to hold at least one image", "none", "Give each pool images."
    if min(shape[1:]) < 1 or min(shape[2:]) < SMALLEST:
        mend = "Enlarge them: SSIM is computed in windows of that size."
        yield f"{what} to be (N, C, H, W) of at least {SMALLEST}x{SMALLEST} pixels", f"{shape}", mend
    if images.dtype is not torch.float32:
        mend = "Use images.float() / 255." if images.dtype is torch.uint8 else "Use images.float()."
        yield f"{what} to be torch.float32", f"{images.dtype}", mend
    if images.requires_grad:
        yield f"{what} to be plain values", "a tensor with requires_grad", "Use images.detach()."
    if not isinstance(images, StoredImages):  # their 8-bit values are in [0, 1], and all would have to be read
        yield from _out_of_range(images, what)


def _out_of_range(images: Tensor, what: str) -> Iterator[_Complaint]:
    low, high = images.min().item(), images.max().item()  # NaN if any pixel is
    if not (low >= 0 and high <= 1):
        mend = "Scale them to [0, 1], and leave normalization to the model."
        yield f"{what} to be in [0, 1]", range_of(images), "Leave such images out." if isnan(low) else mend


def _wrong_labels(pool: ImageSet, where: str, classes: int) -> Iterator[_Complaint]:
    labels, count, what = pool.labels, len(pool.images), f"the labels of {where}"
    if not isinstance(labels, Tensor):
        yield f"{what} to be a tensor", type(labels).__name__, "Convert them with torch.as_tensor."
    if pool.task != "classification":
        yield from _wrong_columns(pool, what, classes)
        return
    shape = tuple(labels.shape)
    if labels.ndim == 2 and count == shape[0]:
        mend = "Use labels.squeeze(1)." if shape[1] == 1 else "Use labels.argmax(1) if they are one-hot, or a task."
        yield f"{what} to be ({count},), one number for each image", f"{shape}", mend
    if shape != (count,):
        mend = "Give each image its label, in the same order."
        yield f"{what} to be ({count},), one number for each image", f"{shape}", mend
    if labels.dtype is not torch.int64:
        mend = "Use labels.long(), if they are numbers of classes counted from 0."
        yield f"{what} to be torch.int64", f"{labels.dtype}", mend
    low, high = int(labels.min()), int(labels.max())
    if low < 0 or high >= classes:
        mend = "Count classes from 0, and name each in classes."
        yield f"{what} to be from 0 to {classes - 1}, for {classes} classes", f"{low} to {high}", mend


def _wrong_columns(pool: ImageSet, what: str, columns: int) -> Iterator[_Complaint]:
    """Check labels that have a column for each name: those of multi-label tasks, of regression, or none."""
    labels, count = pool.labels, len(pool.images)
    if tuple(labels.shape) != (count, columns):
        mend = "Give each image a number for each name in classes."
        yield f"{what} to be ({count}, {columns}) for {pool.task}", f"{tuple(labels.shape)}", mend
    if labels.dtype is not torch.float32:
        yield f"{what} to be torch.float32 for {pool.task}", f"{labels.dtype}", "Use labels.float()."
    if not labels.isfinite().all():
        yield f"{what} to be finite", "NaN or infinity", "Leave such images out."
    if pool.task == "multi-label" and not ((labels == 0) | (labels == 1)).all():
        got = f"values in [{labels.min().item():g}, {labels.max().item():g}]"
        yield f"{what} to be 0 or 1 for multi-label", got, "Use task='regression' for numbers."


def _wrong_attributes(pool: ImageSet, where: str, names: int) -> Iterator[_Complaint]:
    values, count = pool.attributes, len(pool.images)
    what = f"the attributes of {where}"
    if values is None:
        if names:
            yield f"{what} to be ({count}, {names}), as they have names", "none", "Give them, or no names."
        return
    if not isinstance(values, Tensor) or tuple(values.shape) != (count, names) or values.dtype is not torch.float32:
        got = f"{tuple(values.shape)} {values.dtype}" if isinstance(values, Tensor) else type(values).__name__
        mend = "Give each image a number for each name in attributes of the pools."
        yield f"{what} to be ({count}, {names}) torch.float32", got, mend
    if not values.isfinite().all():
        yield f"{what} to be finite", "NaN or infinity", "Leave such images out."


def _wrong_sources(pool: ImageSet, where: str) -> Iterator[_Complaint]:
    sources, count = pool.sources, len(pool.images)
    what = f"the sources of {where} to be None or ({count},) torch.int64, one number for each image"
    if sources is not None and not isinstance(sources, Tensor):
        yield what, type(sources).__name__, "Convert them with torch.as_tensor."
    elif sources is not None and (sources.dtype is not torch.int64 or tuple(sources.shape) != (count,)):
        yield what, f"{tuple(sources.shape)} {sources.dtype}", "Number the sources of images, and give each image one."
    elif sources is not None and int(sources.min()) < 0:
        yield what.replace("number", "number from 0"), f"{int(sources.min())}", "Count the sources from 0."
