"""An attack for mia-bench."""

from typing import ClassVar

from mia_bench import Access, Attack, Observation
from mia_bench.attacks import DecoderRecipe, Queries, Standardize, decode, train_decoder
from pydantic import Field
from torch import Tensor, nn


class MyComponent(Attack):
    """Trains a network of two dense layers from wires to images, on queries of the protected client.

    Source: say where the method comes from: the paper, its section and equation.
    """

    version: ClassVar[int] = 1
    access: ClassVar[Access] = Access.BLACK_BOX
    standard: ClassVar[bool] = False  # whether `run` uses it when no attack is named
    steps: int = Field(1000, ge=1, description="batches, at most")
    width: int = Field(256, ge=1, description="numbers between the layers")

    def reconstruct(self, seen: Observation) -> Tensor:
        """Train the network and apply it; images (N, C, H, W) in [0, 1]."""
        queries = Queries(seen, seen.aux.images).split()  # some are held out, to see how far to trust the network
        network = DenseDecoder(queries.sample(), queries.images[: queries.trainable], self.width)
        train_decoder(network, queries, DecoderRecipe(epochs=20, steps=self.steps, learning_rate=2e-3))
        return decode(network, queries, seen.aux.images.mean(0))


class DenseDecoder(nn.Module):
    """Two dense layers, which begin at the mean image."""

    def __init__(self, wires: Tensor, images: Tensor, width: int) -> None:
        """Build for wires like ``wires`` (K, ...) and images like ``images`` (K, C, H, W)."""
        super().__init__()
        last = nn.Linear(width, images[0].numel())
        nn.init.zeros_(last.weight)
        last.bias.data = images.mean(0).flatten()
        first = nn.Linear(wires[0].numel(), width)
        self.layers = nn.Sequential(Standardize(wires.flatten(1)), first, nn.ReLU(), last)
        self.image_shape = images.shape[1:]

    def forward(self, wires: Tensor) -> Tensor:
        """Decode wires (N, ...) to images (N, C, H, W), not yet clamped."""
        return self.layers(wires.flatten(1)).unflatten(1, self.image_shape)
