"""Differential privacy by noise on the IR."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar, Literal

import torch
from pydantic import Field, model_validator

from ..benchmark.interfaces import ImageSet, SplitModel
from ..benchmark.training import tune_server
from ._dp.noise_defense import NoiseDefense
from ._dp.nonnegative import never_negative
from ._dp.shaped_channel import JACOBIAN_IMAGES, ShapedNoise


class DpIr(NoiseDefense):
    """Add Gaussian or Laplacian noise to the clipped IR before it leaves the device.

    The client sends v = clip(f1(x)) + e. Noise alone guarantees nothing, since the IR may be arbitrarily large.
    ``clip`` bounds the sensitivity, from which epsilon follows. If ``epsilon`` is given without ``clip``, the clipping
    norm is the median norm of the IRs of the victim's training images. This is sound for the images that are sent,
    since the norm does not depend on them. It guarantees nothing about the training images.

    If clipped, the value is rounded to a grid of step sigma / 256 and the noise is an integer number of steps, so that
    the guarantee holds for the bits that are sent. By default the noise comes from the random stream of the cell, which
    anyone who knows the cell can repeat: the guarantee then describes the mechanism, not this run. Deploy
    ``randomness=secure``, which draws from the operating system.

    ``shape=server`` distributes the same variance unequally: more along directions of the IR on which the outputs of
    the server hardly depend. It keeps more accuracy, and has a density, but no guarantee: it excludes ``clip`` and
    ``epsilon``.

    After layers such as ReLU, IRs are never negative, so their distance is at most sqrt(2) times ``clip``, not twice.

    Example: ``mia-bench run --defense dp_ir --sigma 0.1,0.5,1``

    Source: He, Zhang, Lee, ACSAC 2019, section 7, and IoT-J 2021; epsilon of Gaussian noise: Balle & Wang, ICML
    2018, Theorem 8; epsilon of Laplacian noise: Dwork, McSherry, Nissim, Smith, TCC 2006. ``shape=server`` follows the
    idea of PriPert (arXiv 2605.23158, 2026): perturb where utility does not look.
    """

    guarantee: ClassVar[str] = "(eps, delta)-local DP per release of the sent bits if clipped, else none"

    added: ClassVar[frozenset[str]] = frozenset({"shape"})

    shape: Literal["isotropic", "server"] = Field(
        "isotropic",
        description="equal noise in all directions, or less where the outputs of the server depend on the IR",
    )

    @model_validator(mode="after")
    def _check_shape(self) -> DpIr:
        if self.shape == "server" and (self.clip is not None or self.epsilon is not None or self.noise != "gaussian"):
            raise ValueError(
                "Expected Gaussian noise without clip and epsilon for shape=server, which has no guarantee. Leave out "
                "noise, clip and epsilon, or choose shape=isotropic."
            )
        return self

    def protect(self, model: SplitModel, train: ImageSet) -> SplitModel:
        """Return a copy of the model with noise on its IRs.

        Raises:
            Inapplicable: If the server is to be fine-tuned and has no weights.
            UsageError: If the accountant cannot compute the guarantee.
        """
        protected = model.copy()
        channel, promise = self.calibrate(protected.client, train.images, nonnegative=never_negative(protected.client))
        if self.shape == "server" and self.sigma:
            with torch.no_grad():
                irs = protected.client(protected.input_channel(train.images[:JACOBIAN_IMAGES]))
            channel = ShapedNoise.of(protected.server, irs, self.sigma)
        protected = replace(protected, ir_channel=channel, promise=promise)
        if self.noise_aware:
            tune_server(protected, train, epochs=self.tuning_epochs)
        return protected
