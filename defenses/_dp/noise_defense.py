"""Parameters and guarantees of the defenses that add noise."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field, model_validator
from scipy.special import ndtr
from torch import Tensor

from ...benchmark.errors import Inapplicable, UsageError
from ...benchmark.interfaces import Defense, Promise
from ...benchmark.training import EPOCHS_HELP
from .._exclusive_parameters import require_one, settle_alternatives
from .accountants import epsilon_of_sigma, sigma_of_epsilon
from .clipping import median_norm
from .grid_channel import GridNoiseChannel
from .noise_channel import NORM_ORDER, NoiseChannel, laplacian_scale

MAX_SIGMA = 1e15
"""Largest standard deviation and clipping norm. The sum of the squares of millions of sent values fits into float32."""

MIN_SIGMA = 1e-30
"""Smallest standard deviation with a guarantee. Smaller noise vanishes in float32."""

MAX_CLIP_TO_SIGMA = 2.0**40
"""Largest clipping norm, in units of sigma, with a guarantee. Beyond it, steps of the grid are not exact in float64."""

SECURE = "Give clip or epsilon, and enough noise, or leave out randomness."
"""What to do where the operating system should draw noise without a guarantee."""


class NoiseDefense(Defense):
    """Base class of defenses that clip a value and add noise to it. Subclasses choose the value.

    The protected record is one image, which any other image may replace (local differential privacy, replace-one), so
    clipping to the norm C gives the sensitivity 2 C, or sqrt(2) C for the L2 norm of values that are never negative.

    Noise with a guarantee is integer noise on a grid, since the low bits of floating-point noise reveal the value under
    it (Mironov, CCS 2012). Noise without a guarantee is floating-point noise.
    """

    version: ClassVar[int] = 5
    stronger_with: ClassVar[Mapping[str, Literal[1, -1]]] = {"sigma": 1, "epsilon": -1}

    sigma: float | None = Field(
        0.1,
        ge=0,
        le=MAX_SIGMA,
        description="standard deviation of the noise, in units of the noisy value; excludes epsilon",
    )
    epsilon: float | None = Field(
        None, ge=1e-6, le=1e9, description="epsilon of the guarantee, from which sigma follows; excludes sigma"
    )
    delta: float = Field(1e-5, ge=1e-100, le=0.99, description="probability that the guarantee of Gaussian noise fails")
    clip: float | None = Field(
        None,
        gt=0,
        le=MAX_SIGMA,
        description="largest norm of one image's value: L2 for Gaussian, L1 for Laplacian noise",
    )
    noise: Literal["gaussian", "laplacian"] = Field("gaussian", description="distribution of the noise")
    releases: int = Field(1, ge=1, le=10**12, description="independent releases of one image that the guarantee covers")
    accountant: Literal["analytic", "rdp", "prv"] = Field(
        "analytic", description="accountant for Gaussian noise: exact (analytic), or one of opacus"
    )
    randomness: Literal["seeded", "secure"] = Field(
        "seeded",
        description="random numbers of noise with a guarantee: the stream of the cell, which repeats (seeded), or the "
        "operating system's, for deployment (secure)",
    )
    noise_aware: bool = Field(False, description="fine-tune the server to the noise")
    tuning_epochs: int = Field(1, ge=1, description=f"{EPOCHS_HELP}, if noise_aware")

    @model_validator(mode="before")
    @classmethod
    def _settle(cls, data: Any) -> Any:
        return settle_alternatives(data, default="sigma", alternative="epsilon")

    @model_validator(mode="after")
    def _check(self) -> NoiseDefense:
        require_one(self, "sigma", "epsilon")
        if self.sigma is not None and (wrong := self._insecure(self.sigma, self.clip)):
            raise ValueError(f"{wrong} {SECURE}")
        return self

    def calibrate(
        self, encode: Callable[[Tensor], Tensor], images: Tensor, *, nonnegative: bool
    ) -> tuple[NoiseChannel, Promise]:
        """Build the channel and its guarantee.

        Args:
            encode: Maps images to the values to which noise is added.
            images: Images of the victim (N, C, H, W). They set the clipping norm if epsilon is given without it.
            nonnegative: Whether these values are never negative. The channel enforces it.

        Raises:
            Inapplicable: If that norm is zero.
            UsageError: If the accountant cannot compute the guarantee, or noise without one is asked of the operating
                system.
        """
        clip = self.clip
        if clip is None and self.epsilon is not None:
            clip = median_norm(encode, images, NORM_ORDER[self.noise])
            if clip == 0:
                raise Inapplicable(
                    "Expected values whose median norm is above 0, to clip to it, got 0: at least half of the values "
                    "are zero. Give clip."
                )
        sensitivity = None if clip is None else self._sensitivity(clip, nonnegative)
        sigma = self._sigma(sensitivity)
        if sigma > MAX_SIGMA:
            raise UsageError(
                f"Expected noise of at most sigma={MAX_SIGMA:g}, got {sigma:.4g}. Raise epsilon or lower clip."
            )
        if wrong := self._insecure(sigma, clip):
            raise UsageError(f"{wrong} {SECURE}")
        if clip is None or sensitivity is None or not _has_guarantee(sigma, clip):
            return NoiseChannel(noise=self.noise, sigma=sigma, clip=clip), Promise()
        channel = GridNoiseChannel(
            noise=self.noise, sigma=sigma, clip=clip, nonnegative=nonnegative, randomness=self.randomness
        )
        return channel, self._promise(sigma, clip, sensitivity)

    def _insecure(self, sigma: float, clip: float | None) -> str:
        """Return what is wrong if torch would draw noise that the operating system should; else nothing."""
        if self.randomness == "seeded" or sigma == 0 or _has_guarantee(sigma, clip):
            return ""
        got = "noise without one" if clip is None else f"sigma={sigma:g}, which is too small for clip={clip:g}"
        return f"Expected noise with a guarantee for randomness=secure, got {got}: torch would draw it."

    def _sensitivity(self, clip: float, nonnegative: bool) -> float:
        """Return the largest distance of two clipped values: their directions are opposite, or at a right angle."""
        return math.sqrt(2) * clip if nonnegative and self.noise == "gaussian" else 2 * clip

    def _sigma(self, sensitivity: float | None) -> float:
        """Return the standard deviation of the noise, given or computed."""
        if self.sigma is not None:
            return self.sigma
        assert self.epsilon is not None
        assert sensitivity is not None
        if self.noise == "laplacian":
            return sensitivity * self.releases / self.epsilon / laplacian_scale(1)
        return sensitivity * sigma_of_epsilon(self.epsilon, self.delta, self.releases, self.accountant)

    def _promise(self, sigma: float, clip: float, sensitivity: float) -> Promise:
        """Return the guarantee of noise on a clipped value."""
        delta = self.delta if self.noise == "gaussian" else 0.0
        if self.epsilon is not None:
            spent = self.epsilon
        elif self.noise == "laplacian":
            spent = sensitivity * self.releases / laplacian_scale(sigma)
        else:
            spent = epsilon_of_sigma(sigma / sensitivity, delta, self.releases, self.accountant)
        span = "per release" if self.releases == 1 else f"over {self.releases} releases"
        apart = sensitivity * math.sqrt(self.releases) / sigma
        gaussian = self.noise == "gaussian"
        error = float(ndtr(-apart / 2)) if gaussian else 1 / (1 + math.exp(min(spent, 700)))
        words = (
            f"({spent:.4g}, {delta:g})-local DP {span}, clip {clip:.4g}, sigma {sigma:.4g}, {self.randomness} noise; "
            f"pair error at least {error:.3g}"
        )
        return Promise(
            words,
            epsilon=spent,
            delta=delta,
            gaussian_reach=clip / sigma if gaussian else None,
            laplacian_reach=None if gaussian else clip / laplacian_scale(sigma),
            pair_error=error,
        )


def _has_guarantee(sigma: float, clip: float | None) -> bool:
    return clip is not None and sigma >= max(MIN_SIGMA, clip / MAX_CLIP_TO_SIGMA)
