"""Checks of datasets."""

from __future__ import annotations

from typing import cast

import torch

from .. import registry
from ..evaluation.pool_validation import validate_pools
from ..interfaces import Dataset, Model, Pools
from ..utils.fingerprints import assert_disjoint
from .check import require
from .lab import Lab

FIRST = 64
"""Number of private images that ``run`` attacks by default."""


def _pools(dataset: Dataset, lab: Lab) -> Pools:
    return dataset.load(lab.data_dir)


def pools_are_sound(dataset: Dataset, lab: Lab) -> str:
    """Each pool holds float32 images in [0, 1] of one shape, and a label for each image."""
    pools = _pools(dataset, lab)
    validate_pools(pools, type(dataset).__name__)
    return f"{len(pools.train)} train, {len(pools.aux)} aux, {len(pools.private)} private"


def pools_are_disjoint(dataset: Dataset, lab: Lab) -> None:
    """No image is in two pools."""
    assert_disjoint(_pools(dataset, lab))


def classes_are_mixed(dataset: Dataset, lab: Lab) -> None:
    """The first private images, which are attacked, belong to more than one class."""
    private = _pools(dataset, lab).private
    if private.task != "classification":
        return
    first = private.labels[:FIRST]
    require(
        len(first) < 2 or len(first.unique()) > 1,
        f"The first {len(first)} private images all belong to class {int(first[0])}. Shuffle the pool.",
    )


def recommends_a_split(dataset: Dataset, lab: Lab) -> str:
    """The recommended model and split exist and take the images of the dataset."""
    kind, pools = type(dataset), _pools(dataset, lab)
    model = cast(Model, registry.load(registry.find("models", kind.model))())
    layers = model.build(pools.image_shape, len(pools.classes)).eval()
    names = [name for name, _ in layers.named_children()]
    require(
        kind.split in names, f"Expected a split of {kind.model}, got {kind.split!r}. Its layers are {', '.join(names)}."
    )
    with torch.no_grad():
        layers(pools.private.images[:2])
    return f"{kind.model} / {kind.split}"
