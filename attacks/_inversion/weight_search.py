"""Choice of the prior's weight, by inverting wires of some of the attacker's own images."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from .._decoders.folds import Fold, affordable
from .._shrinkage import Judged, trust
from .cosine_covariance import CosineCovariance
from .rmle import invert
from .searches import Search
from .tv_gaussian import TvGaussianPrior

CLEAR_GAIN = 0.5
"""Decibels by which another search than the usual one, or a stronger prior than another, must be better, since few
images are tried. Behind the first residual sum of EfficientNet-Lite0 with noise, weights of 1 and 3 gave 19.7 and 19.8
dB on two crops of textures, and 21.4 and 14.2 dB on photographs."""
NUM_PILOTS = 8
"""The attacker's images on which the weight is chosen, over all folds; the result is judged on as many others."""


@dataclass(frozen=True)
class Pilot:
    """Held-out images of one fold, with their wires.

    Attributes:
        prior: Fitted to those that are not tried, (K, C, H, W).
        tune: Wires (P, ...) and images (P, C, H, W) on which the weight is chosen.
        judge: Wires and images on which the result is judged.
        starts: Where the search for the former begins, (P, C, H, W); None: at the mean image.
        errors: The covariance of true images minus starts, as far as the wire leaves it open; None: that of images.
    """

    prior: TvGaussianPrior
    tune: tuple[Tensor, Tensor]
    judge: tuple[Tensor, Tensor]
    starts: Tensor | None = None
    errors: CosineCovariance | None = None

    @classmethod
    def of(cls, images: Tensor, fold: Fold, send: Callable[[Tensor], Tensor], *, share: int = 1) -> Pilot:
        """Send some of the images (K, C, H, W) that a fold holds out: one ``share``-th of ``NUM_PILOTS``."""
        count = max(1, affordable(NUM_PILOTS, images[0]) // share)
        tune, judge = (images[index[:count].to(images.device)] for index in (fold.tune, fold.judge))
        return cls(TvGaussianPrior(images[fold.fit.to(images.device)]), (send(tune), tune), (send(judge), judge))

    def halves(self) -> tuple[Pilot, Pilot]:
        """Return it with each half of the images on which the weight is chosen; a single image is in both."""
        count = (len(self.tune[1]) + 1) // 2
        return self._with(slice(count)), self._with(slice(len(self.tune[1]) - count, None))

    def _with(self, part: slice) -> Pilot:
        (wires, images), starts = self.tune, self.starts
        return replace(self, tune=(wires[part], images[part]), starts=None if starts is None else starts[part])


@dataclass(frozen=True)
class Choice:
    """What reconstructs the attacker's own images best.

    Attributes:
        search: The distance and the optimizer.
        tv: Weight of the prior.
        decibels: Mean PSNR that they reach.
    """

    search: Search
    tv: float
    decibels: float


def choose(client: nn.Module, tried: Sequence[Search], pilots: Sequence[Pilot], *, iterations: int) -> Choice:
    """Return the search and the weight with the highest mean PSNR on images of the attacker.

    Weights are compared after all iterations, since short searches favor strong priors: on photographs of 64x64 pixels
    behind stage2 of ``resnet``, weights of 0.001 and 0.3 reached 20.9 and 21.5 dB after a fifteenth of the iterations,
    and 25.6 and 23.4 dB after all. Those of several searches are compared on half of the images, and the best weights
    of each on the others. Another search than the first must be better by ``CLEAR_GAIN``, and so must a stronger prior
    of another search than a weaker one.

    Args:
        client: Maps images to clean IRs.
        tried: The searches.
        pilots: Images of the attacker with their wires, and priors that were not fitted to them.
        iterations: Evaluations of the loss and its gradient of the whole search.
    """
    usual, *others = tried
    if not others:
        return _best(_compared(client, usual, pilots, usual.weights, iterations=iterations))
    some, rest = _halves(pilots)
    expected = _best(_compared(client, usual, some, usual.weights, iterations=iterations))
    other = _best(_weakest(_compared(client, search, some, search.weights, iterations=iterations)) for search in others)
    expected, other = (_again(client, choice, rest, iterations=iterations) for choice in (expected, other))
    return other if other.decibels > expected.decibels + CLEAR_GAIN else expected


def _best(choices: Iterable[Choice]) -> Choice:
    return max(choices, key=lambda choice: choice.decibels)


def _weakest(choices: Sequence[Choice]) -> Choice:
    """Return the weakest prior than which no other is clearly better."""
    enough = _best(choices).decibels - CLEAR_GAIN
    return min((choice for choice in choices if choice.decibels >= enough), key=lambda choice: choice.tv)


def _halves(pilots: Sequence[Pilot]) -> tuple[list[Pilot], list[Pilot]]:
    """Return every other fold and the others or, if there is one fold, each half of its images."""
    if len(pilots) > 1:
        return list(pilots[::2]), list(pilots[1::2])
    first, second = zip(*(each.halves() for each in pilots), strict=True)
    return list(first), list(second)


def _again(client: nn.Module, choice: Choice, pilots: Sequence[Pilot], *, iterations: int) -> Choice:
    (found,) = _compared(client, choice.search, pilots, (choice.tv,), iterations=iterations)
    return found


def _compared(
    client: nn.Module, search: Search, pilots: Sequence[Pilot], weights: Sequence[float], *, iterations: int
) -> list[Choice]:
    """Return what each weight reaches with one search."""
    errors = []
    for pilot in pilots:
        wire, truth = pilot.tune
        repeated = wire.repeat(len(weights), *[1] * (wire.ndim - 1))  # (weights * P, ...)
        each = torch.tensor(weights, device=truth.device).repeat_interleave(len(truth))
        starts = None if pilot.starts is None else pilot.starts.repeat(len(weights), 1, 1, 1)
        images = invert(
            client,
            search,
            repeated,
            pilot.prior,
            tv=each,
            iterations=iterations,
            starts=starts,
            errors=pilot.errors,
        )
        error = (images - truth.repeat(len(weights), 1, 1, 1)).square().flatten(1).mean(1)
        errors.append(error.view(len(weights), -1))
    decibels = -10 * torch.cat(errors, 1).clamp(min=1e-10).log10().mean(1)  # (weights,)
    return [Choice(search, weight, reached) for weight, reached in zip(weights, decibels.tolist(), strict=True)]


def trusted(client: nn.Module, choice: Choice, pilots: Sequence[Pilot], *, iterations: int) -> float:
    """Return how far to trust reconstructions, by other images of the attacker, with the arguments of ``choose``."""
    rebuilt = (
        invert(client, choice.search, pilot.judge[0], pilot.prior, tv=choice.tv, iterations=iterations)
        for pilot in pilots
    )
    return trust(*(Judged(some, pilot.judge[1], pilot.prior.mean) for some, pilot in zip(rebuilt, pilots, strict=True)))
