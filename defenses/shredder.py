"""A collection of learned noise tensors."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor

from ..benchmark.interfaces import Channel, Defense, ImageSet, SplitModel
from ..benchmark.training import EPOCHS_HELP, fit_batches, frozen_encoder, trainable
from ._deviation import LEAST_SHARE, unit_of

NOISE_LEARNING_RATE = 0.02
"""Peak learning rate of the noise, in units of the standard deviation of the IR."""


class _Collection(Channel):
    """Add one of a few stored noise tensors, drawn for each image."""

    noises: Tensor

    def __init__(self, noises: Tensor) -> None:
        """Store the noise tensors, (T, ...)."""
        super().__init__()
        self.register_buffer("noises", noises)
        self.stochastic = len(noises) > 1

    def forward(self, value: Tensor) -> Tensor:
        """Add a random noise tensor to each value (N, ...)."""
        return value + self.noises[torch.randint(len(self.noises), (len(value),), device=value.device)]

    def distance(self, value: Tensor, sent: Tensor) -> Tensor:
        """Return the squared error for the noise tensor that fits best, (N,): an attacker tries them all."""
        with torch.no_grad():
            residual = (sent - value).flatten(1)  # (N, K)
            best = torch.cdist(residual, self.noises.flatten(1)).argmin(1)
        return (value + self.noises[best] - sent).square().flatten(1).sum(1)

    def merge(self, sent: Tensor) -> Tensor:
        """Combine R wires (R, N, ...) into the wire that the first noise tensor would have given.

        Two wires of one image differ by exactly the difference of two noise tensors, which identifies both. If all R
        wires are equal, the noise cannot be identified and the wire is returned unchanged.
        """
        noises = self.noises.flatten(1)  # (T, K)
        steps = (sent[1:] - sent[0]).flatten(2)  # (R - 1, N, K)
        misfit = noises.new_zeros(sent.shape[1], len(noises))
        for first, noise in enumerate(noises):  # Assume that the first wire has this noise.
            misfit[:, first] = torch.cdist(steps, noises - noise).amin(2).square().sum(0)
        found = self.noises[misfit.argmin(1)]  # (N, ...)
        differ = (steps != 0).any(2).any(0).view(-1, *[1] * (sent.ndim - 2))
        return torch.where(differ, sent[0] - found + self.noises[0], sent[0])


class Shredder(Defense):
    """Add one of a collection of learned noise tensors to the IR, drawn at every inference.

    The network does not change. The noise tensors are initialized as Laplacian noise. Training minimizes the loss
    of the task minus ``spread_weight`` times the logarithm of their standard deviation, so that they grow where the
    logits do not depend on them. They are few and known to an attacker who knows the defense. Such an attacker
    subtracts the tensor that fits, or learns a linear map that ignores the few directions in which they differ. There
    is no guarantee. Recommended sweep: noise scales 0.5, 1, 2, 4 and collections of 1 to 20.

    Example: ``mia-bench run --defense shredder --collection 1,16 --noise-scale 0.5,1,2,4``

    Source: Mireshghallah et al., ASPLOS 2020, "Shredder"; logarithm of the deviation as in the code of GLASS.
    """

    version: ClassVar[int] = 2
    guarantee: ClassVar[str] = "none"

    collection: int = Field(16, ge=1, le=256, description="number of stored noise tensors")
    noise_scale: float = Field(
        2.0, ge=0, description="initial standard deviation of the noise, in units of that of the IR"
    )
    spread_weight: float = Field(0.1, ge=0, description="weight of the logarithm of the noise's standard deviation")
    tuning_epochs: int = Field(1, ge=0, description=f"{EPOCHS_HELP}; 0 keeps the initial noise")

    def protect(self, model: SplitModel, train: ImageSet) -> SplitModel:
        """Return a copy of the model that adds learned noise to its IRs."""
        protected = model.copy()
        encoded = frozen_encoder(
            lambda images: protected.client(protected.input_channel(images)), train.images, cache=True
        )
        sample = encoded(torch.arange(min(len(train), 512), device=train.images.device))
        unit = unit_of(sample)
        shape = (self.collection, *sample.shape[1:])
        laplacian = torch.distributions.Laplace(
            torch.zeros_like(sample[0]), self.noise_scale * unit * 0.5**0.5 + min(1e-12, LEAST_SHARE * unit)
        )
        noises = torch.nn.Parameter(laplacian.sample((self.collection,)).view(shape))

        def loss(batch: Tensor) -> Tensor:
            drawn = torch.randint(self.collection, (len(batch),), device=noises.device)
            answers = protected.server(encoded(batch) + noises[drawn])
            spread = (
                noises.flatten(1)
                .std(1, correction=int(noises[0].numel() > 1))
                .clamp(min=min(1e-6, LEAST_SHARE * unit))
                .log()
                .mean()
            )
            return train.loss(answers, batch) - self.spread_weight * spread

        with trainable(protected.server):
            protected.server.requires_grad_(False).eval()  # Only the noise is learned.
            rate = NOISE_LEARNING_RATE * unit
            fit_batches([noises], loss, images=len(train), epochs=self.tuning_epochs, learning_rate=rate)
        return replace(protected, ir_channel=_Collection(noises.detach()))
