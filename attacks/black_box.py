"""The black-box attack of He et al.: learn to invert the client from queries."""

from typing import ClassVar, Literal

from pydantic import Field
from torch import Tensor

from ..benchmark.interfaces import Access, Attack, Observation
from ._decoders.fitting import DecoderRecipe, decode, train_decoder
from ._decoders.inverse_network import InverseNetwork
from ._decoders.queries import Queries

MIN_PASS_STEPS = 20
"""Steps of a pass, at least, which by default makes 200 in all."""


class BlackBox(Attack):
    """Train an inverse network on the attacker's images and what the client sends for them.

    It minimizes the squared error of the pixels. The network is the paper's, transposed convolutions without a linear
    start, generalized to every spatial IR and to vectors. It differs from the paper in the width (``channels``), in the
    optimizer (AdamW with a one-cycle rate) and in standardizing the wire first. On a noisy client every batch is
    queried again.

    Example:
        ``mia-bench run --attack black_box --aux random``

    Source: He, Zhang, Lee, ACSAC 2019, section 5, algorithm 2.
    """

    version: ClassVar[int] = 10
    access: ClassVar[Access] = Access.BLACK_BOX
    standard: ClassVar[bool] = False  # at splits that halve nothing its network is one linear convolution, below ridge

    aux: Literal["same_set", "same_distribution", "random"] = Field(
        "same_distribution", description="the attacker's images: the victim's, others of that kind, Gaussian noise"
    )
    epochs: int = Field(10, ge=1, description="passes over the attacker's images, at most")
    steps: int = Field(2000, ge=1, description="batches, at most")
    batch_size: int = Field(64, ge=1, description="pairs in a batch, at most")
    learning_rate: float = Field(5e-3, gt=0, description="peak of the one-cycle rate")
    channels: int = Field(24, ge=1, description="channels of the network")

    @property
    def aux_source(self) -> str:
        """Return the source of the attacker's images."""
        return self.aux

    def reconstruct(self, seen: Observation) -> Tensor:
        """Train the network and return its images (N, C, H, W)."""
        queries = Queries(seen, seen.aux.images, sources=seen.aux.sources).split()
        mean = seen.aux.images.mean(0)
        network = InverseNetwork(queries.sample(), queries.images[: queries.trainable], self.channels, queries.layout)
        recipe = DecoderRecipe(
            self.epochs, self.steps, self.batch_size, self.learning_rate, self.channels, MIN_PASS_STEPS
        )
        train_decoder(network, queries, recipe)
        return decode(network, queries, mean)
