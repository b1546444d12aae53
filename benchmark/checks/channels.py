"""Checks of the channels that a defense publishes and on which adaptive attacks rely."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from ..evaluation.density_contract import require_density_of_each_number
from ..interfaces import Channel, Defense, SplitModel, Wire
from ..utils.seeding import seeded
from .check import Skipped, as_in_a_run, require
from .lab import Lab

DRAWS = 16
"""Wires drawn for each value, to check what holds on average."""
SIGNIFICANT = 2
"""Standard errors by which the average distance to the truth must exceed another one to count as larger."""
MANY = 4000
"""Wires drawn for one value, to check the density."""
SPREAD = 0.5
"""Standard deviation of the log-likelihood ratio at which the density is tested; its mean needs few draws there."""


class _Tried(NamedTuple):
    """A published channel of a defense: its name, values (N, ...) that it takes, and what reads its wires."""

    which: str
    channel: Channel
    value: Tensor
    read: Callable[[Wire], Tensor]


def _channels(defense: Defense, lab: Lab) -> list[_Tried]:
    """Return the published channels of the defense. Wires to which the model adds something else are not read."""
    place = lab.place(defense)
    model, images = lab.protected(defense, place), lab.private(place)
    with torch.no_grad():
        values = model.client(model.input_channel.clean(images))
    plain, whole = Channel().read, type(model).send is SplitModel.send
    both = [
        _Tried("The input channel", model.input_channel, images, plain),
        _Tried("The IR channel", model.ir_channel, values, model.ir_channel.read if whole else plain),
    ]
    own = [each for each in both if type(each.channel) is not Channel and each.channel.published]
    if not own:
        raise Skipped("The defense publishes no channel.")
    return own


def _sent(tried: _Tried) -> Iterator[Tensor]:
    """Yield what a channel sends, as it is read, (N, ...)."""
    with seeded("checks: channel"), torch.no_grad():
        for _ in range(DRAWS if tried.channel.stochastic else 1):
            yield tried.read(Wire(tried.channel(tried.value)))


def distance_leads_to_the_truth(defense: Defense, lab: Lab) -> None:
    """``distance`` is (N,), finite, differentiable, and smallest at the value that was sent."""
    for tried in _channels(defense, lab):
        which, channel, value, _ = tried
        excess = torch.stack([_excess(which, channel, value, sent) for sent in _sent(tried)])  # (draws, N)
        error = excess.std(0) / len(excess) ** 0.5 if len(excess) > 1 else torch.zeros_like(excess[0])
        share = (excess.mean(0) > SIGNIFICANT * error).float().mean().item()
        require(share <= 0.2, f"{which}: for {share:.0%} of the images, the distance to another image is smaller.")
        _require_gradient(tried)


def _excess(which: str, channel: Channel, value: Tensor, sent: Tensor) -> Tensor:
    """Return by how much the distance of the value that was sent exceeds that of another image, (N,)."""
    here = channel.distance(value, sent)
    shape = tuple(here.shape)
    require(shape == (len(value),), f"{which}: expected a distance of shape ({len(value)},), got {shape}.")
    require(here.isfinite().all(), f"{which}: the distance is not finite.")
    return here - channel.distance(value.roll(1, 0), sent) - 1e-5 * here.abs()


def _require_gradient(tried: _Tried) -> None:
    which, channel, value, _ = tried
    sent = next(_sent(tried))
    candidate = value.roll(1, 0).clone().requires_grad_()
    distance = channel.distance(candidate, sent)
    require(distance.requires_grad, f"{which}: the distance is not differentiable in the value.")
    (gradient,) = torch.autograd.grad(distance.sum(), candidate)
    require(gradient.isfinite().all(), f"{which}: the gradient of the distance is not finite.")


def density_is_one(defense: Defense, lab: Lab) -> str:
    """``log_density`` is the density of what ``forward`` sends: likelihood ratios of nearby values average 1."""
    tested = []
    for which, channel, value, _ in _channels(defense, lab):
        with seeded("checks: density"), torch.no_grad():
            density = channel.log_density(value, channel(value))
            if density is None:
                continue
            require(channel.stochastic, f"{which}: log_density is given, but the channel is not random.")
            shape = tuple(density.shape)
            require(shape == (len(value),), f"{which}: expected a log_density of shape ({len(value)},), got {shape}.")
            require(density.isfinite().all(), f"{which}: log_density is not finite.")
            as_in_a_run(require_density_of_each_number, channel, value)
            mean = _mean_ratio(channel, value[0], value[1])
        error = 5 * SPREAD / MANY**0.5 + 0.01
        require(
            abs(mean - 1) < error,
            f"{which}: expected likelihood ratios of 1 on average, got {mean:.3f}, so log_density does not describe "
            "what forward sends.",
        )
        tested.append(f"{which}: likelihood ratios average {mean:.3f}")
    if not tested:
        raise Skipped("The defense publishes no density, so its rows have no bound.")
    return "; ".join(tested)


def _mean_ratio(channel: Channel, value: Tensor, towards: Tensor) -> float:
    """Estimate E p(v | value + t (towards - value)) / p(v | value), which is 1 for every t."""
    here = value.expand(MANY, *value.shape)
    sent = channel(here)
    ratio, step = here.new_zeros(MANY).double(), 1.0
    for _ in range(8):  # the spread is about proportional to the step
        there = (value + step * (towards - value)).expand_as(here)
        first, second = channel.log_density(there, sent), channel.log_density(here, sent)
        assert first is not None
        assert second is not None
        ratio = (first - second).double()
        step = min(1.0, step * SPREAD / max(ratio.std().item(), 1e-9))
    return ratio.exp().mean().item()


def wires_can_be_merged(defense: Defense, lab: Lab) -> None:
    """``merge`` combines wires into one that is not farther from the truth, as if sent through ``merged``."""
    for tried in _channels(defense, lab):
        which, channel, value, _ = tried
        sent = torch.stack(list(_sent(tried)))
        one, after = channel.merge(sent), channel.merged(len(sent))
        with torch.no_grad():
            clean = channel.clean(value)
        expected = tuple(clean.shape)
        require(
            isinstance(after, Channel), f"{which}: expected merged to return a Channel, got {type(after).__name__}."
        )
        require(
            tuple(one.shape) == expected == tuple(sent.shape[1:]),
            f"{which}: expected merge to return {expected}, got {tuple(one.shape)}.",
        )
        with torch.no_grad():
            *single, merged = ((each - clean).square().mean().item() for each in (*sent, one))
            require(
                merged <= 1.05 * max(single) + 1e-6,
                f"{which}: a merged wire is farther from the truth than any single wire.",
            )
            usual = _better(channel, value, sent[0])  # another check asks whether that is good
            better = _better(after, value, one)
        worse = f"{which}: {1 - better:.0%} of the merged wires fit another image better than their own."
        require(better >= min(0.8, usual), worse)


def _better(channel: Channel, value: Tensor, sent: Tensor) -> float:
    """Return the share of images that fit what was sent at least as well as another image does."""
    true, other = (channel.distance(each, sent) for each in (value, value.roll(1, 0)))
    return (true <= other + 1e-5 * other.abs()).float().mean().item()
