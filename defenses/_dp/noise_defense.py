"""Parameters and guarantees of the defenses that add noise."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field, model_validator
from torch import Tensor

from ...benchmark.errors import Inapplicable, UsageError
from ...benchmark.interfaces import Defense, Promise
from .._exclusive_parameters import require_one, settle_alternatives
from .._fine_tuning import EPOCHS_HELP
from .accountants import epsilon_of_sigma, sigma_of_epsilon
from .clipping import median_norm
from .noise_channel import NORM_ORDER, NoiseChannel, laplacian_scale

MAX_SIGMA = 1e30
"""Largest standard deviation and clipping norm for which the sent values and their square roots fit into float32."""

MIN_SIGMA = 1e-30
"""Smallest standard deviation with a guarantee. Smaller noise vanishes in float32."""


class NoiseDefense(Defense):
    """Base class of defenses that clip a value and add noise to it. Subclasses choose the value.

    The protected record is one image, which any other image may replace (local differential privacy, replace-one), so
    clipping to the norm C gives the sensitivity 2 C.
    """

    version: ClassVar[int] = 3
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
    noise_aware: bool = Field(False, description="fine-tune the server to the noise")
    tuning_epochs: int = Field(1, ge=1, description=f"{EPOCHS_HELP}, if noise_aware")

    @model_validator(mode="before")
    @classmethod
    def _settle(cls, data: Any) -> Any:
        return settle_alternatives(data, default="sigma", alternative="epsilon")

    @model_validator(mode="after")
    def _check(self) -> NoiseDefense:
        require_one(self, "sigma", "epsilon")
        return self

    def calibrate(self, encode: Callable[[Tensor], Tensor], images: Tensor) -> tuple[NoiseChannel, Promise]:
        """Build the channel and its guarantee.

        Args:
            encode: Maps images to the values to which noise is added.
            images: Images of the victim (N, C, H, W). They set the clipping norm if epsilon is given without it.

        Raises:
            Inapplicable: If that norm is zero.
            UsageError: If the accountant cannot compute the guarantee.
        """
        clip = self.clip
        if clip is None and self.epsilon is not None:
            clip = median_norm(encode, images, NORM_ORDER[self.noise])
            if clip == 0:
                raise Inapplicable(
                    "Half of the values to protect are zero, so no clipping norm can be chosen. Give clip."
                )
        sigma = self._sigma(clip)
        if sigma > MAX_SIGMA:
            raise UsageError(
                f"Expected noise of at most sigma={MAX_SIGMA:g}, got {sigma:.4g}. Raise epsilon or lower clip."
            )
        return NoiseChannel(noise=self.noise, sigma=sigma, clip=clip), self._promise(sigma, clip)

    def _sigma(self, clip: float | None) -> float:
        """Return the standard deviation of the noise, given or computed."""
        if self.sigma is not None:
            return self.sigma
        assert self.epsilon is not None
        assert clip is not None
        sensitivity = 2 * clip
        if self.noise == "laplacian":
            return sensitivity * self.releases / self.epsilon / laplacian_scale(1)
        return sensitivity * sigma_of_epsilon(self.epsilon, self.delta, self.releases, self.accountant)

    def _promise(self, sigma: float, clip: float | None) -> Promise:
        """Return the guarantee: none without a bound on the sensitivity, or if the noise vanishes in float32."""
        if clip is None or sigma < MIN_SIGMA:
            return Promise()
        sensitivity = 2 * clip
        delta = self.delta if self.noise == "gaussian" else 0.0
        if self.epsilon is not None:
            spent = self.epsilon
        elif self.noise == "laplacian":
            spent = sensitivity * self.releases / laplacian_scale(sigma)
        else:
            spent = epsilon_of_sigma(sigma / sensitivity, delta, self.releases, self.accountant)
        span = "per release" if self.releases == 1 else f"over {self.releases} releases"
        words = f"({spent:.4g}, {delta:g})-local DP {span}, clip {clip:.4g}, sigma {sigma:.4g}"
        return Promise(words, epsilon=spent, delta=delta)
