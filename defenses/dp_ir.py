"""Differential privacy by noise on the IR."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from ..benchmark.interfaces import ImageSet, SplitModel
from ._dp.noise_defense import NoiseDefense
from ._fine_tuning import tune_server


class DpIr(NoiseDefense):
    """Add Gaussian or Laplacian noise to the clipped IR before it leaves the device.

    The client sends v = clip(f1(x)) + e. Noise alone guarantees nothing, since the IR may be arbitrarily large.
    ``clip`` bounds the sensitivity, from which epsilon follows. If ``epsilon`` is given without ``clip``, the clipping
    norm is the median norm of the IRs of the victim's training images. This is sound for the images that are sent,
    since the norm does not depend on them. It guarantees nothing about the training images.

    Example: ``mia-bench run --defense dp_ir --sigma 0.1,0.5,1``

    Source: He, Zhang, Lee, ACSAC 2019, section 7, and IoT-J 2021; epsilon of Gaussian noise: Balle & Wang, ICML
    2018, Theorem 8; epsilon of Laplacian noise: Dwork, McSherry, Nissim, Smith, TCC 2006.
    """

    guarantee: ClassVar[str] = "(eps, delta)-local DP per release if clipped, else none"

    def protect(self, model: SplitModel, train: ImageSet) -> SplitModel:
        """Return a copy of the model with noise on its IRs.

        Raises:
            Inapplicable: If the server is to be fine-tuned and has no weights.
            UsageError: If the accountant cannot compute the guarantee.
        """
        protected = model.copy()
        channel, promise = self.calibrate(protected.client, train.images)
        protected = replace(protected, ir_channel=channel, promise=promise)
        if self.noise_aware:
            tune_server(protected, train, epochs=self.tuning_epochs)
        return protected
