"""A collection of learned noises."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional

from ..benchmark.interfaces import Channel, Defense, ImageSet, SplitModel
from ..benchmark.training import fit
from ._fine_tuning import BATCH, PASS, PASSES, frozen, trained

RATE = 0.02
"""Peak learning rate of the noise, in units of the IR's standard deviation."""


class _Collection(Channel):
    """Adds one of a few stored tensors, drawn anew for each image."""

    noises: Tensor

    def __init__(self, noises: Tensor) -> None:
        """Take the stored tensors, (T, ...)."""
        super().__init__()
        self.register_buffer("noises", noises)
        self.stochastic = len(noises) > 1

    def forward(self, value: Tensor) -> Tensor:
        """Add a stored tensor to each value (N, ...)."""
        return value + self.noises[torch.randint(len(self.noises), (len(value),), device=value.device)]

    def distance(self, value: Tensor, sent: Tensor) -> Tensor:
        """Squared error for the stored tensor that fits best, (N,): the attacker subtracts them all."""
        with torch.no_grad():
            left = (sent - value).flatten(1)  # (N, K)
            best = torch.cdist(left, self.noises.flatten(1)).argmin(1)
        return (value + self.noises[best] - sent).square().flatten(1).sum(1)

    def merge(self, sent: Tensor) -> Tensor:
        """The wire that the first stored tensor would have given, found from R wires (R, N, ...).

        Wires of one image differ by exactly the difference of two stored tensors, which tells which two they are. If
        all R are equal, so that nothing can be told, the wire is left as it is.
        """
        noises = self.noises.flatten(1)  # (T, K)
        steps = (sent[1:] - sent[0]).flatten(2)  # (R - 1, N, K)
        misfit = noises.new_zeros(sent.shape[1], len(noises))
        for first, noise in enumerate(noises):  # suppose that the first wire holds this one
            misfit[:, first] = torch.cdist(steps, noises - noise).amin(2).square().sum(0)
        found = self.noises[misfit.argmin(1)]  # (N, ...)
        differ = (steps != 0).any(2).any(0).view(-1, *[1] * (sent.ndim - 2))
        return torch.where(differ, sent[0] - found + self.noises[0], sent[0])


class Shredder(Defense):
    """Adds one of a collection of learned noise tensors to the IR, drawn anew at every inference.

    The network stays as it is. The tensors begin as Laplacian noise and are trained to a low cross-entropy minus
    ``spread_weight`` times the logarithm of their standard deviation, so that they grow where the answer does not
    depend on them. They are few and known to whoever knows the defense: an attacker subtracts the one that fits,
    or learns a linear map that is blind to the few directions in which they differ; nothing is promised. Swept over
    scales 0.5, 1, 2 and 4 and collections of 1 to 20.

    Source: Mireshghallah et al., ASPLOS 2020, "Shredder"; logarithm of the deviation as in the code of GLASS.
    """

    version: ClassVar[int] = 2
    guarantee: ClassVar[str] = "none"

    collection: int = Field(16, ge=1, le=256, description="number of stored noise tensors")
    noise_scale: float = Field(2.0, ge=0, description="standard deviation at the start, in units of the IR's")
    spread_weight: float = Field(0.1, ge=0, description="weight of the logarithm of the noise's standard deviation")
    tuning_epochs: int = Field(1, ge=0, description=f"{PASSES}; 0: the noise as drawn")

    def protect(self, model: SplitModel, train: ImageSet) -> SplitModel:
        """Learn the noise and put it behind the client."""
        protected = model.copy()
        encoded = frozen(lambda images: protected.client(protected.input_channel(images)), train.images, cache=True)
        sample = encoded(torch.arange(min(len(train), 512), device=train.images.device))
        unit = max(sample.std().item(), 1e-6)
        shape = (self.collection, *sample.shape[1:])
        laplacian = torch.distributions.Laplace(torch.zeros_like(sample[0]), self.noise_scale * unit * 0.5**0.5 + 1e-12)
        noises = torch.nn.Parameter(laplacian.sample((self.collection,)).view(shape))

        def loss(batch: Tensor) -> Tensor:
            drawn = torch.randint(self.collection, (len(batch),), device=noises.device)
            answers = protected.server(encoded(batch) + noises[drawn])
            spread = noises.flatten(1).std(1).clamp(min=1e-6).log().mean()
            return functional.cross_entropy(answers, train.labels[batch]) - self.spread_weight * spread

        with trained(protected.server):
            protected.server.requires_grad_(False).eval()  # only the noise is learned
            fit(
                [noises],
                loss,
                count=len(train),
                epochs=self.tuning_epochs,
                batch_size=BATCH,
                learning_rate=RATE * unit,
                least=PASS,
            )
        return replace(protected, ir_channel=_Collection(noises.detach()))
