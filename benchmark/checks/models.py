"""Checks of models."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn

from ..errors import Inapplicable, UsageError, message_of
from ..interfaces import ImageSet, Model, Normalize, Target, Training
from ..training import train_target, untrained_copy
from ..utils.plurals import count_of
from ..utils.seeding import seeded
from .check import Failed, Skipped, require
from .lab import Lab

SHAPES = ((1, 28, 28), (3, 32, 32), (3, 40, 24))
"""Gray images, color images, and images that are not square."""
COUNTS = (2, 10)
"""Numbers of classes; checks other than that of the shape of the logits use the first one only."""
FEW_IMAGES = 8
"""Images of the training, which has 200 steps even with few."""


def _targets(model: Model) -> Iterator[tuple[str, Target, Tensor, int]]:
    """Yield those of ``_all_targets`` that can be run, with one number of classes."""
    found = False
    for words, target, images, classes in _all_targets(model, COUNTS[:1]):
        try:
            with torch.no_grad():
                target(images)
        except Exception:  # another check reports it
            continue
        found = True
        yield words, target, images, classes
    if not found:
        raise Skipped("The model takes no images.")


def _all_targets(model: Model, counts: Sequence[int] = COUNTS) -> Iterator[tuple[str, Target, Tensor, int]]:
    """Yield targets for all shapes and numbers of classes that the model does not refuse, and some images for each."""
    refusals, built = [], 0
    for shape, classes in itertools.product(SHAPES, counts):
        with seeded("checks: build"):
            try:
                layers = model.build(shape, classes)
            except UsageError as error:
                refusals.append(message_of(error))
                continue
            normalize = Normalize(torch.full(shape[:1], 0.5), torch.full(shape[:1], 0.3))
            target, images = Target(normalize, layers).eval(), torch.rand(4, *shape)
        built += 1
        yield f"For {'x'.join(map(str, shape))} images and {classes} classes", target, images, classes
    if not built:
        raise Skipped(refusals[0])


def fits_any_images(model: Model, lab: Lab) -> str:
    """The model takes gray and color images, square or not, or refuses them, and returns finite logits."""
    for words, target, images, classes in _all_targets(model):
        with torch.no_grad():
            logits = target(images)
        built, shape = type(target.layers).__name__, tuple(logits.shape)
        require(isinstance(target.layers, nn.Sequential), f"{words}, expected build to return Sequential, got {built}.")
        require(shape == (4, classes), f"{words}, expected logits of shape {(4, classes)}, got {shape}.")
        require(logits.isfinite().all(), f"{words}, the logits are not finite.")
    return ", ".join("x".join(map(str, shape)) for shape in SHAPES)


def every_layer_is_a_split(model: Model, lab: Lab) -> str:
    """The model can be split behind every layer, and the two halves compute the same as the whole."""
    names: list[str] = []
    for words, target, images, _ in _targets(model):
        names = target.splits
        require(len(names) > 1, f"{words}, expected at least 2 layers, got {len(names)}.")
        bad = [name for name in names if not re.fullmatch(r"[\w.-]+", name)]
        require(not bad, f"Expected names of layers that can be written as --split NAME, got {', '.join(bad)}.")
        with torch.no_grad():
            whole = target(images)
            for name in names:
                halves = target.split(name)
                cut = halves.classify(images)
                require(
                    torch.allclose(cut, whole, atol=1e-5),
                    f"{words}, the model computes other logits when it is split behind {name}.",
                )
                require(
                    halves.send(images).tensor.shape[0] == 4,
                    f"{words}, the layer {name} does not return one value for each image.",
                )
    return count_of(len(names), "layer")


def images_do_not_mix(model: Model, lab: Lab) -> None:
    """In evaluation mode, the logits of an image depend neither on the batch nor on chance."""
    for words, target, images, _ in _targets(model):
        with torch.no_grad():
            together, again, alone = target(images), target(images), target(images[1:2])
        require(torch.equal(together, again), f"{words}, the same images get different logits.")
        require(
            torch.allclose(together[1:2], alone, atol=1e-4),
            f"{words}, the logits of an image depend on the rest of the batch.",
        )


def can_be_trained(model: Model, lab: Lab) -> None:
    """The training recipe works: every weight gets a gradient and stays finite."""
    words, target, images, classes = next(_targets(model))
    labels = torch.arange(FEW_IMAGES) % classes
    target.train()
    nn.functional.cross_entropy(target(images), labels[:4]).backward()
    idle = [name for name, weight in target.named_parameters() if weight.grad is None]
    require(not idle, f"The logits do not depend on {', '.join(idle)}.")
    target.zero_grad(set_to_none=True)
    with seeded("checks: training"):
        train_target(target, ImageSet(torch.rand(FEW_IMAGES, *images.shape[1:]), labels), Training(epochs=1))
    require(
        all(weight.isfinite().all() for weight in target.parameters()),
        f"{words}, training makes weights NaN or infinite.",
    )


def can_be_reset(model: Model, lab: Lab) -> None:
    """An untrained copy of the model can be made, which attacks without queries need."""
    _, target, _, _ = next(_targets(model))
    try:
        with seeded("checks: reset"):
            untrained_copy(target)
    except Inapplicable as refusal:
        raise Failed(str(refusal)) from refusal
