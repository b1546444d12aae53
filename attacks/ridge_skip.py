"""The linear decoder with a trained correction."""

from typing import ClassVar

from pydantic import Field

from ..benchmark.interfaces import Access, Attack, Observation, Reconstruction
from ._decoders.divided import Divided
from ._decoders.fitting import DecoderRecipe
from ._decoders.linear import decoders, fit_linear
from ._decoders.queries import Queries
from ._decoders.skip_network import fit_skip
from ._decoders.variations import varied
from ._ensemble import select_answer


class RidgeSkip(Attack):
    """Train a small convolutional network to correct the best linear decoder.

    The attacker queries the client with its own images and with copies moved by up to two pixels. For wires that
    are vectors, two dense layers come before the convolutions, many copies are turned, zoomed and sheared as well,
    and the loss is the mean logarithm of each image's squared error, which is what PSNR measures. If they have at
    most 1,024 numbers and there are 400 images or more, a kernel ridge regression is fitted, too, and the result is
    the best of both and their mean. Maps of at most 16 cells and 256 numbers are then decoded in both ways. The
    last layer of the correction starts at zero. The result is that of the corrected or of the linear decoder,
    whichever has the higher mean PSNR on held-out images, so the attack is never weaker there than ``ridge``. On a
    noisy client every batch is queried again.

    Example:
        ``mia-bench run --attack ridge_skip --channels 16``

    Source: ours; the skip path follows He et al., CVPR 2016, zero initialization Zhang et al., ICLR 2019 (Fixup), and
    the metric of the kernel Radhakrishnan et al., Science 2024 (recursive feature machines).
    """

    version: ClassVar[int] = 15
    access: ClassVar[Access] = Access.BLACK_BOX
    standard: ClassVar[bool] = False

    epochs: int = Field(DecoderRecipe.epochs, ge=1, description="passes over the queries, at most")
    steps: int = Field(DecoderRecipe.steps, ge=1, description="batches, at most")
    batch_size: int = Field(DecoderRecipe.batch_size, ge=1, description="pairs in a batch, at most")
    learning_rate: float = Field(DecoderRecipe.learning_rate, gt=0, description="peak of the one-cycle rate")
    channels: int = Field(DecoderRecipe.channels, ge=1, description="channels of the network")

    def reconstruct(self, seen: Observation) -> Reconstruction:
        """Fit the linear decoder, train the correction and return the better images (N, C, H, W)."""
        queries = Divided(Queries(seen, seen.aux.images, sources=seen.aux.sources, vary=varied))
        recipe = DecoderRecipe(self.epochs, self.steps, self.batch_size, self.learning_rate, self.channels)
        linear, mean = fit_linear(queries), seen.aux.images.mean(0)
        members = {"linear": decoders(linear), "corrected": fit_skip(queries, linear, recipe)}
        return select_answer({name: queries.answer(member, mean) for name, member in members.items()})
