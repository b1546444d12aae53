"""Differential privacy by noise on the input image."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from torch import nn

from ..benchmark.errors import Inapplicable
from ..benchmark.interfaces import ImageSet, SplitModel
from ..benchmark.training import tune_server
from ._dp.noise_defense import NoiseDefense

TRIED_IMAGES = 16
"""Images that are sent to find out whether the client takes noisy ones."""


class DpInput(NoiseDefense):
    """Add Gaussian or Laplacian noise to the clipped image before the layers of the client.

    The client sends v = f1(clip(x) + e), where ``sigma`` is in units of pixels in [0, 1]. The layers after the noise do
    not reduce the privacy. ``clip`` bounds the sensitivity, from which epsilon follows. If ``epsilon`` is given without
    ``clip``, the clipping norm is the median norm of the training images of the victim. This is sound for the images
    that are sent, since the norm does not depend on them. It guarantees nothing about the training images.

    If clipped, the value is rounded to a grid of step sigma / 256 and the noise is an integer number of steps, so that
    the guarantee holds for the bits that are sent. By default the noise comes from the random stream of the cell, which
    anyone who knows the cell can repeat: the guarantee then describes the mechanism, not this run. Deploy
    ``randomness=secure``, which draws from the operating system.

    Images are never negative, so their distance is at most sqrt(2) times ``clip``.

    Example: ``mia-bench run --defense dp_input --sigma 0.1,0.2,0.5``

    Source: He, Zhang, Lee, ACSAC 2019, section 7, and IoT-J 2021; epsilon of Gaussian noise: Balle & Wang, ICML
    2018, Theorem 8; epsilon of Laplacian noise: Dwork, McSherry, Nissim, Smith, TCC 2006.
    """

    guarantee: ClassVar[str] = "(eps, delta)-local DP per release of the sent bits if clipped, else none"

    def protect(self, model: SplitModel, train: ImageSet) -> SplitModel:
        """Return a copy of the model with noise on its images.

        Raises:
            Inapplicable: If the server is to be fine-tuned and has no weights, or the client looks up its numbers.
            UsageError: If the accountant cannot compute the guarantee.
        """
        channel, promise = self.calibrate(nn.Identity(), train.images, nonnegative=True)
        protected = replace(model.copy(), input_channel=channel, promise=promise)
        try:
            if self.noise_aware:
                tune_server(protected, train, epochs=self.tuning_epochs)
            protected.send(train.images[:TRIED_IMAGES])
        except IndexError as error:
            raise Inapplicable(
                "Expected a client that takes any numbers, got one that looks them up in a table, such as tokens, "
                "whose range the noise leaves. Use dp_ir at a split behind the table."
            ) from error
        return protected
