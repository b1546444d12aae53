"""Differential privacy by noise on the IR."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from ..benchmark.interfaces import ImageSet, SplitModel
from ._dp.noise_defense import NoiseDefense
from ._fine_tuning import tune_server


class DpIr(NoiseDefense):
    """Adds Gaussian or Laplacian noise to the clipped IR before it leaves the device.

    What is sent is v = clip(f1(x)) + e. Noise alone promises nothing, since the IR may be arbitrarily large; with
    ``clip`` the sensitivity is bounded and epsilon follows. Given ``epsilon`` without ``clip``, the median norm of
    the IRs of the victim's training images is taken. That is sound for the images that are sent: the norm is fixed
    before any of them is seen and does not depend on them. It promises nothing about the training images.

    Source: He, Zhang, Lee, ACSAC 2019, section 7, and IoT-J 2021; epsilon of Gaussian noise: Balle & Wang, ICML
    2018, Theorem 8; epsilon of Laplacian noise: Dwork, McSherry, Nissim, Smith, TCC 2006.
    """

    guarantee: ClassVar[str] = "(eps, delta)-local DP per release if clipped, else none"

    def protect(self, model: SplitModel, train: ImageSet) -> SplitModel:
        """Put the noise behind the client.

        Raises:
            Inapplicable: if the server is to be tuned and has no weights.
            UsageError: if the accountant cannot compute the promise.
        """
        protected = model.copy()
        channel, promise = self.calibrate(protected.client, train.images)
        protected = replace(protected, ir_channel=channel, promise=promise)
        if self.noise_aware:
            tune_server(protected, train, epochs=self.tuning_epochs)
        return protected
