"""Checks of the guarantee of a defense."""

from __future__ import annotations

import math

import torch
from pydantic import ValidationError
from torch import Tensor

from ..errors import ContractError, Inapplicable
from ..evaluation.wire_contract import NOT_RANDOM, REPEATED_WIRES, require_backed
from ..interfaces import Channel, Defense, Promise, SplitModel
from ..utils.seeding import seeded
from .check import Failed, Skipped, require
from .lab import Lab

DRAWS = 2000
"""Wires drawn for each image, to estimate the privacy loss."""


def guarantee_is_honest(defense: Defense, lab: Lab) -> str:
    """The guarantee is promised and backed: an epsilon by noise that is large enough, others by encryption."""
    place = lab.place(defense)
    model, images = lab.protected(defense, place), lab.private(place)
    declared, promise = type(defense).guarantee, model.promise
    none = promise.guarantee.startswith("none")
    require(isinstance(declared, str) and declared, f"Expected guarantee to be a text like 'none', got {declared!r}.")
    require(
        declared != "none" or promise == Promise(),
        f"The class declares the guarantee 'none', but the model promises {promise.guarantee!r}, epsilon "
        f"{promise.epsilon}.",
    )
    require(not none or promise.epsilon is None, f"The guarantee is 'none', but epsilon is {promise.epsilon}.")
    if promise.epsilon is not None:
        return _check_epsilon(model, promise, images)
    try:
        require_backed(model, images[:1])
    except ContractError as error:
        raise Failed(str(error)) from error
    if not none:
        return f"{promise.guarantee}: one image was sent {REPEATED_WIRES} times, as byte strings that differ"
    if declared.startswith("none"):
        return promise.guarantee
    require(
        "none" in declared.split() or not _promises_nothing(defense, lab),
        f"The class declares the guarantee {declared!r}, but the model promises none. Give the model a promise, or "
        "state in the class when there is none, as in 'local DP if clipped, else none'.",
    )
    return f"{promise.guarantee} with these parameters; the class declares {declared!r}"


def _promises_nothing(defense: Defense, lab: Lab) -> bool:
    """Return whether the model promises nothing with the default parameters, too."""
    try:
        default = type(defense)()
        return lab.protected(default, lab.place(default)).promise.guarantee.startswith("none")
    except (ValidationError, Inapplicable):
        return True


def _check_epsilon(model: SplitModel, promise: Promise, images: Tensor) -> str:
    """Compare epsilon with the privacy loss between images.

    Raises:
        Skipped: If no densities are published.
    """
    epsilon, delta = promise.epsilon or 0.0, promise.delta
    require(epsilon > 0, f"Expected epsilon to be more than 0, got {epsilon}.")
    require(delta is not None and 0 <= delta < 1, f"Expected delta to be in [0, 1), got {delta}.")
    require(model.stochastic, NOT_RANDOM)
    channel, values = model.input_channel, images
    if not channel.stochastic:
        channel, values = model.ir_channel, _encode(model, images)
    worst = 0.0
    with seeded("checks: privacy loss"), torch.no_grad():
        for one, other in ((0, 1), (1, 0), (2, 3)):
            spent = _hockey_stick(channel, values[one], values[other], epsilon)
            if spent is None:
                raise Skipped(f"({epsilon:.4g}, {delta:g}) cannot be tested without log_density.")
            worst = max(worst, spent)
    allowed = (delta or 0.0) + 4 * math.sqrt(max(delta or 0.0, 1e-4) / DRAWS)
    require(
        worst <= allowed,
        f"Two images violate the promised epsilon {epsilon:.4g} with delta {delta:g}: their delta is {worst:.2g}.",
    )
    return f"({epsilon:.4g}, {delta:g}) is consistent with the privacy loss between images"


def _encode(model: SplitModel, images: Tensor) -> Tensor:
    with torch.no_grad():
        return model.client(model.input_channel.clean(images))


def _hockey_stick(channel: Channel, one: Tensor, other: Tensor, epsilon: float) -> float | None:
    """Estimate E max(0, 1 - exp(epsilon - loss)) over wires of ``one``, a lower bound of delta at this epsilon."""
    here, there = (value.expand(DRAWS, *value.shape) for value in (one, other))
    sent = channel(here)
    first, second = channel.log_density(here, sent), channel.log_density(there, sent)
    if first is None or second is None:
        return None
    loss = (first - second).double()
    return (1 - (epsilon - loss).exp()).clamp(min=0).mean().item()
