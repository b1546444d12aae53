"""What a network has to give for a dataset, and which of its outputs belongs to which class."""

from __future__ import annotations

import logging
import unicodedata
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import torch
from torch import Tensor

from ..datasets._labels import ClassNumber
from ..errors import UsageError
from ..interfaces import ImageSet, Model, Pools
from ..utils.cache import digest
from ..utils.plurals import count_of, fitting
from .pool_loader import Facts

logger = logging.getLogger(__name__)

SHOWN_CLASSES = 4
"""Classes of a dataset that a message names."""
NO_TRAINING = (
    "Give a trained network (weights=FILE, pretrained=true, onnx:path=FILE or python:build=module:function), or images "
    "with labels."
)


def expected_outputs(facts: Facts, model: Model, dataset_label: str, model_label: str) -> int:
    """Return how many outputs a network needs for its task; 0 where images have no labels.

    Args:
        facts: What is known of the dataset.
        model: The model.
        dataset_label: The name of the dataset, for messages.
        model_label: The name of the model, for messages.

    Raises:
        UsageError: If the network would have to be trained without labels, only some classes are among its categories,
            or none is among those that the user gave.
    """
    if facts.task == "unlabeled":
        if model.given_weights is None or model.retrains_head:
            part = "head=retrain" if model.retrains_head else "an untrained network"
            raise UsageError(
                f"Expected a network whose weights are all given, since the images of {dataset_label} have no labels "
                f"to train with, got {part} of model {model_label}. {NO_TRAINING}"
            )
        return 0
    if facts.task == "classification":
        categories = _categories(facts.class_names, model, facts.image_shape)
        if positions(facts.class_names, categories) is not None:
            if _are_numbers(categories) and facts.classes < len(categories):
                _tell_positions(dataset_label, len(categories))
            return len(categories)
        if getattr(model, "categories", None) is not None:
            _refuse_given_names(facts.class_names, categories, dataset_label)
    return facts.classes


def _refuse_given_names(names: Sequence[str], categories: Sequence[str], dataset_label: str) -> None:
    """Raise if no class is among the names that the user gave. Numbers may be in the order of as many names."""
    if not categories or (_are_numbers(names) and len(names) == len(categories)):
        return
    more = f" and {len(names) - SHOWN_CLASSES} more" if len(names) > SHOWN_CLASSES else ""
    remedy = (
        "Leave out categories, so that labels that are numbers are positions of the outputs."
        if _are_numbers(names)
        else "Write these names into the file in the order of the outputs, give head=retrain, or measure the agreement "
        "alone with task=unlabeled."
    )
    raise UsageError(
        f"Expected the classes of {dataset_label} among the {count_of(len(categories), 'name')} that categories gives, "
        f"such as {categories[0]!r}, got {', '.join(map(repr, names[:SHOWN_CLASSES]))}{more}. {remedy}"
    )


def data_fingerprint(facts: Facts, model: Model) -> str:
    """Return a hash of the images and their labels, which are positions of a network's outputs if these have names.

    Args:
        facts: What is known of the dataset.
        model: The model.

    Raises:
        UsageError: If some classes are names of categories of the network, and others are not.
    """
    if facts.task != "classification":
        return facts.fingerprint
    places = positions(facts.class_names, _categories(facts.class_names, model, facts.image_shape))
    in_order = places is None or places == list(range(len(places)))
    return facts.fingerprint if in_order else digest([facts.fingerprint, places])


@cache
def _tell_positions(dataset_label: str, outputs: int) -> None:
    logger.info("The labels of %s are taken for positions among the %d outputs, from 0.", dataset_label, outputs)


def _categories(names: Sequence[str], model: Model, image_shape: tuple[int, int, int]) -> tuple[str, ...]:
    """Return what the outputs of a network with given weights are called; nothing if the classes are in their order.

    They are called by their positions if they have no names, and the classes of the dataset are numbers. A network
    whose last layer is trained anew has the classes of the dataset.
    """
    if model.given_weights is None or model.retrains_head:
        return ()
    if model.class_names:
        return model.class_names
    if not _are_numbers(names):
        return ()
    return tuple(map(ClassNumber, range(model.count_outputs(image_shape, len(names)))))


def _are_numbers(names: Sequence[str]) -> bool:
    return all(isinstance(name, ClassNumber) for name in names)


def positions(names: Sequence[str], categories: Sequence[str]) -> list[int] | None:
    """Return the position of each class among the categories of a network; None if they are not its categories.

    Case, underscores and the encoding of accents make no difference. Numbers that are not all positions of outputs are
    the classes of the outputs in their order, so that there must be as many.

    Raises:
        UsageError: If some classes are names of categories of the network, and others are not.
    """
    if not categories or (_are_numbers(categories) and not set(names) <= set(categories)):
        return None
    known: dict[str, int] = {}
    for position, name in enumerate(categories):
        known.setdefault(_plain(name), position)
    found = [known.get(_plain(name)) for name in names]
    missing = [name for name, position in zip(names, found, strict=True) if position is None]
    if len(missing) == len(names):
        return None
    if missing:
        rename = "Leave out categories, so that labels that are numbers are positions of the outputs"
        if not _are_numbers(names):
            rename = fitting(len(missing), "Rename it", "Rename them")
        remedy = f"{rename}, give head=retrain, or measure the agreement alone with task=unlabeled."
        raise UsageError(
            f"Expected classes that are all among the {count_of(len(categories), 'category', 'categories')} of the "
            f"network, got {', '.join(map(repr, missing[:SHOWN_CLASSES]))}, which {fitting(len(missing), 'is', 'are')} "
            f"not. {remedy}"
        )
    return [position for position in found if position is not None]


def _plain(name: str) -> str:
    return " ".join(unicodedata.normalize("NFC", name).casefold().replace("_", " ").split())


def relabeled(pools: Pools, model: Model, outputs: int) -> Pools:
    """Return pools whose labels are positions of a network's outputs, if the classes are among its categories.

    Args:
        pools: The pools of a dataset.
        model: The model.
        outputs: How many outputs the network has.
    """
    if pools.task != "classification":
        return pools
    categories = _categories(pools.classes, model, pools.image_shape)
    places = positions(pools.classes, categories)
    if places is None:
        return pools
    table = torch.tensor(places)

    def moved(pool: ImageSet) -> ImageSet:
        return replace(pool, labels=table.to(pool.labels.device)[pool.labels])

    names = categories[:outputs]
    return replace(pools, train=moved(pools.train), aux=moved(pools.aux), private=moved(pools.private), classes=names)


def refuse_outputs(answer: Any, outputs: int, dataset_label: str, model_label: str) -> None:
    """Raise if a network does not give what its task needs for two images.

    Args:
        answer: What it gives for two images.
        outputs: How many outputs the task needs; 0 if any tensor will do.
        dataset_label: The name of the dataset, for messages.
        model_label: The name of the model, for messages.

    Raises:
        UsageError: If these are not one tensor (2, outputs), or (2, ...) where any tensor will do.
    """
    where = f"for 2 images of {dataset_label}"
    if not isinstance(answer, Tensor):
        raise UsageError(
            f"Expected one tensor {where}, got a {type(answer).__name__} from model {model_label}. Return a single "
            "tensor."
        )
    shape = tuple(answer.shape)
    if outputs and shape != (2, outputs):
        raise UsageError(
            f"Expected logits (2, {outputs}) {where}, got {shape} from model {model_label}. Build a network with one "
            "output for each class, or for each label or number of other tasks."
        )
    if not outputs and (answer.dim() < 2 or len(answer) != 2):
        raise UsageError(
            f"Expected a tensor (2, ...) {where}, got {shape} from model {model_label}. Build a network that takes any "
            "number of images and gives one entry for each."
        )
