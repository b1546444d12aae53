"""The parameters of the noise defenses, and what they promise."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field, model_validator
from torch import Tensor

from ...benchmark.errors import Inapplicable, UsageError
from ...benchmark.interfaces import Defense, Promise
from .._exclusive_parameters import require_one, settle_alternatives
from .._fine_tuning import PASSES
from .accountants import epsilon_of_sigma, sigma_of_epsilon
from .clipping import median_norm
from .noise_channel import NORM_ORDER, NoiseChannel, laplacian_scale

LARGEST = 1e30
"""Largest standard deviation and clipping norm: what is sent, and its square root, fit into float32."""

SMALLEST = 1e-30
"""Smallest standard deviation that promises anything: in float32, smaller noise vanishes."""


class NoiseDefense(Defense):
    """Clips a value and adds noise to it; which value, a subclass says.

    The record to be hidden is one image, and any image may stand in its place (local differential privacy,
    replace-one), so clipping to the norm C gives the sensitivity 2 C.
    """

    version: ClassVar[int] = 3
    stronger_with: ClassVar[Mapping[str, Literal[1, -1]]] = {"sigma": 1, "epsilon": -1}

    sigma: float | None = Field(
        0.1,
        ge=0,
        le=LARGEST,
        description="standard deviation of the noise, in units of what it is added to; excludes epsilon",
    )
    epsilon: float | None = Field(
        None, ge=1e-6, le=1e9, description="the promise from which sigma follows; excludes sigma"
    )
    delta: float = Field(1e-5, ge=1e-100, le=0.99, description="chance that the promise of Gaussian noise is broken")
    clip: float | None = Field(
        None, gt=0, le=LARGEST, description="largest norm of one image's value: L2 for Gaussian, L1 for Laplacian noise"
    )
    noise: Literal["gaussian", "laplacian"] = Field("gaussian", description="kind of noise")
    releases: int = Field(1, ge=1, le=10**12, description="independent releases of one image that the promise covers")
    accountant: Literal["analytic", "rdp", "prv"] = Field(
        "analytic", description="how epsilon of Gaussian noise is computed: exactly, or by opacus"
    )
    noise_aware: bool = Field(False, description="fine-tune the server to the noise")
    tuning_epochs: int = Field(1, ge=1, description=f"{PASSES}, if noise_aware")

    @model_validator(mode="before")
    @classmethod
    def _settle(cls, data: Any) -> Any:
        return settle_alternatives(data, default="sigma", alternative="epsilon")

    @model_validator(mode="after")
    def _check(self) -> NoiseDefense:
        require_one(self, "sigma", "epsilon")
        return self

    def calibrate(self, encode: Callable[[Tensor], Tensor], images: Tensor) -> tuple[NoiseChannel, Promise]:
        """Build the channel and what it promises.

        Args:
            encode: maps images to the values that the noise is added to.
            images: (N, C, H, W) of the victim, which set the clipping norm where epsilon is given without it.

        Raises:
            Inapplicable: if that norm is zero.
            UsageError: if the accountant cannot compute the promise.
        """
        clip = self.clip
        if clip is None and self.epsilon is not None:
            clip = median_norm(encode, images, NORM_ORDER[self.noise])
            if clip == 0:
                raise Inapplicable("half of the values to be protected are zero; give clip, no norm can be chosen")
        sigma = self._sigma(clip)
        if sigma > LARGEST:
            raise UsageError(
                f"Expected noise of at most sigma={LARGEST:g}, got {sigma:.4g}. Raise epsilon or lower clip"
            )
        return NoiseChannel(noise=self.noise, sigma=sigma, clip=clip), self._promise(sigma, clip)

    def _sigma(self, clip: float | None) -> float:
        """The standard deviation of the noise, given or computed."""
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
        if clip is None or sigma < SMALLEST:
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
