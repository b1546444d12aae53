"""The way from the clean intermediate representation to the wire."""

from __future__ import annotations

from torch import Tensor, nn

from .wire import Wire


class Channel(nn.Module):
    """What happens to a value before it is sent: nothing, unless a defense says otherwise.

    A defense publishes its channel (Kerckhoffs): white-box attacks minimize ``distance``, draw from ``forward`` where
    they need the randomness, and merge repeated wires by ``merge``.
    """

    stochastic = False
    """Whether two passes of one value differ."""
    published = True
    """Whether the adversary may know the methods of this class; if not, only attacks that learn from queries apply."""

    def clean(self, value: Tensor) -> Tensor:
        """What is done to a value (N, ...) before anything random happens to it, differentiable."""
        return value

    def forward(self, value: Tensor) -> Tensor:
        """Turn a clean value (N, ...) into the sent one, with fresh randomness."""
        return value

    def read(self, wire: Wire) -> Tensor:
        """The wire as numbers in the shape of the clean value, (N, ...), for whoever compares the two.

        A channel that sends byte strings overrides it, if they have such numbers at all.
        """
        return wire.tensor

    def packed_bytes(self, sent: Tensor) -> int | None:
        """Bytes that each of the sent values (N, ...) is coded in; None for as many as the tensor takes."""
        return None

    def distance(self, value: Tensor, sent: Tensor) -> Tensor:
        """Misfit between a candidate clean value (N, ...) and what was sent, (N,), differentiable in ``value``.

        The default is the squared Euclidean distance; a channel overrides it by its own negative log-likelihood.
        """
        return (value - sent).square().flatten(1).sum(1)

    def log_density(self, value: Tensor, sent: Tensor) -> Tensor | None:
        """Logarithm of the density of what was sent (N, ...) given clean values (N, ...), less a constant, (N,).

        None where there is no density, as for a channel that is not random; then there is no bound on attacks.
        """
        return None

    def merge(self, sent: Tensor) -> Tensor:
        """One wire (N, ...) that holds what R wires of the same images tell together, (R, N, ...)."""
        return sent.mean(0)

    def merged(self, count: int) -> Channel:
        """The channel through which a merged wire of ``count`` seems to have come."""
        return self


class CleanInput(nn.Module):
    """The part of an input channel that is not random, as the first module of a client."""

    def __init__(self, channel: Channel) -> None:
        """Take the input channel of a split model."""
        super().__init__()
        self.channel = channel

    def forward(self, images: Tensor) -> Tensor:
        """Clip images (N, C, H, W), or whatever else the channel does first."""
        return self.channel.clean(images)
