"""Checks of what a defense guarantees."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ..interfaces import Channel, Defense, Promise, SplitModel
from ..utils.seeding import seeded
from .check import require
from .lab import Lab

DRAWS = 2000
"""Wires drawn of each image, for the privacy loss."""


def guarantee_is_honest(defense: Defense, lab: Lab) -> str:
    """What is promised is backed: an epsilon by noise that is as large as it says, other words by encryption."""
    place = lab.place(defense)
    model, images = lab.protected(defense, place), lab.private(place)
    declared, promise = type(defense).guarantee, model.promise
    none = promise.guarantee.startswith("none")
    require(isinstance(declared, str) and declared, f"guarantee is {declared!r}; expected words, such as 'none'")
    require(
        declared != "none" or promise == Promise(),
        f"the class declares 'none', and the model promises {promise.guarantee!r}, epsilon {promise.epsilon}",
    )
    require(not none or promise.epsilon is None, f"epsilon is {promise.epsilon}, and the promise is 'none'")
    if promise.epsilon is not None:
        return _check_epsilon(model, promise, images)
    ciphertext = not isinstance(model.send(images).payload, Tensor) and model.stochastic
    require(
        none or ciphertext,
        f"{promise.guarantee!r} is promised, and nothing backs it: there is no epsilon, and the wire can be read",
    )
    return promise.guarantee if none else f"{promise.guarantee}: the wire is made of byte strings, never the same twice"


def _check_epsilon(model: SplitModel, promise: Promise, images: Tensor) -> str:
    """Compare epsilon with the privacy loss between images, as far as densities are published."""
    epsilon, delta = promise.epsilon or 0.0, promise.delta
    require(epsilon > 0, f"epsilon is {epsilon}; expected more than 0")
    require(delta is not None and 0 <= delta < 1, f"delta is {delta}; with an epsilon it must be in [0, 1)")
    require(model.stochastic, "epsilon is promised by a model that is not random")
    channel, values = model.input_channel, images
    if not channel.stochastic:
        channel, values = model.ir_channel, _encode(model, images)
    worst = 0.0
    with seeded("checks: privacy loss"), torch.no_grad():
        for one, other in ((0, 1), (1, 0), (2, 3)):
            spent = _hockey_stick(channel, values[one], values[other], epsilon)
            if spent is None:
                return f"({epsilon:.4g}, {delta:g}) promised; without log_density it cannot be tested"
            worst = max(worst, spent)
    allowed = (delta or 0.0) + 4 * math.sqrt(max(delta or 0.0, 1e-4) / DRAWS)
    require(
        worst <= allowed,
        f"epsilon {epsilon:.4g} with delta {delta:g} is promised, and two images violate it with delta {worst:.2g}",
    )
    return f"({epsilon:.4g}, {delta:g}), not contradicted by the privacy loss between images"


def _encode(model: SplitModel, images: Tensor) -> Tensor:
    with torch.no_grad():
        return model.client(model.input_channel.clean(images))


def _hockey_stick(channel: Channel, one: Tensor, other: Tensor, epsilon: float) -> float | None:
    """E max(0, 1 - exp(epsilon - loss)) over wires of ``one``: a lower bound of delta at this epsilon."""
    here, there = (value.expand(DRAWS, *value.shape) for value in (one, other))
    sent = channel(here)
    first, second = channel.log_density(here, sent), channel.log_density(there, sent)
    if first is None or second is None:
        return None
    loss = (first - second).double()
    return (1 - (epsilon - loss).exp()).clamp(min=0).mean().item()
