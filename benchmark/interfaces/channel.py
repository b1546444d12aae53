"""The channel that an intermediate representation (IR) or an image passes through before it is sent."""

from __future__ import annotations

import copy
import operator
from collections.abc import Callable

from torch import Tensor, nn

from .wire import Wire


class Channel(nn.Module):
    """Change a value before it is sent. This base class leaves the value as it is, and defenses override it.

    A defense publishes its channel (Kerckhoffs's principle): white-box attacks minimize ``distance``, draw from
    ``forward`` if they need the randomness, and merge repeated wires by ``merge``.

    Example:
        >>> import torch
        >>> class Halved(Channel):
        ...     def clean(self, value):
        ...         return value / 2
        ...
        ...     def forward(self, value):
        ...         return self.clean(value)
        >>> channel = Halved()
        >>> sent = channel(torch.ones(2, 4))
        >>> channel.distance(torch.ones(2, 4), sent)
        tensor([0., 0.])
    """

    stochastic = False
    """Whether two passes of the same value differ."""
    published = True
    """Whether the adversary may know the methods of this class. If not, only attacks that learn from queries apply."""

    exact_noise = False
    """Whether a guarantee holds only for noise that is drawn by exact arithmetic, which exported graphs do not have."""

    def clean(self, value: Tensor) -> Tensor:
        """Apply the deterministic part of the channel, before any randomness, to a value (N, ...). Differentiable.

        The result is in the units and the shape of what is sent, which may be others than those of the value. Rounding
        and the choice of the largest numbers, whose derivative is 0 nearly everywhere, may be left to ``distance``.
        """
        return value

    def forward(self, value: Tensor) -> Tensor:
        """Return the value (N, ...) that is sent for a value (N, ...), with fresh randomness."""
        return value

    def read(self, wire: Wire) -> Tensor:
        """Return the wire as numbers in the shape of the clean value, (N, ...), so that the two can be compared.

        Override this method if the channel sends byte strings that can be decoded to such numbers.
        """
        return wire.tensor

    def packed_bytes(self, sent: Tensor) -> int | None:
        """Return the bytes that code one of the sent values (N, ...). None means the size of the tensor."""
        return None

    def distance(self, value: Tensor, sent: Tensor) -> Tensor:
        """Return the misfit between what was sent, as ``read`` returns it, and a candidate for each image, (N, ...).

        The candidate is a value as it enters the channel. The default is the squared Euclidean distance between what
        ``clean`` makes of it and what was sent. A channel with noise overrides it by its negative log-likelihood.

        Returns:
            The misfits, (N,), differentiable in ``value``. Smaller values fit better.
        """
        return (self.clean(value) - sent).square().flatten(1).sum(1)

    def log_density(self, value: Tensor, sent: Tensor) -> Tensor | None:
        """Return the log-density of what was sent, (N, ...), given the values that entered, (N, ...), up to a constant.

        Returns:
            Log-densities, (N,). None without a density, for example because the channel is not random. Then the
            benchmark computes no bound on attacks.
        """
        return None

    def merge(self, sent: Tensor) -> Tensor:
        """Merge R readings of wires of the same images, (R, N, ...), into one with the same information, (N, ...).

        The default is their mean. Where the channel changes images, these are what an attack finds by a search behind
        the client, so they are only nearly what the channel returned.
        """
        return sent.mean(0)

    def merged(self, count: int) -> Channel:
        """Return the channel that describes a wire merged from ``count`` wires, for example with less noise."""
        return self


class CleanInput(nn.Module):
    """Apply the deterministic part of an input channel, as the first module of a client.

    Example:
        >>> import torch
        >>> CleanInput(Channel())(torch.zeros(2, 3, 8, 8)).shape
        torch.Size([2, 3, 8, 8])
    """

    def __init__(self, channel: Channel) -> None:
        """Take the input channel of a split model."""
        super().__init__()
        self.channel = channel

    def forward(self, images: Tensor) -> Tensor:
        """Apply the ``clean`` method of the channel to images (N, C, H, W)."""
        return self.channel.clean(images)


def readings(channel: Channel) -> tuple[Callable[[Wire], Tensor], ...]:
    """Return how an attacker may turn a wire into numbers (N, ...): as sent, and by ``read`` if it is overridden.

    Example:
        >>> import torch
        >>> [read(Wire(torch.ones(1, 2))) for read in readings(Channel())]
        [tensor([[1., 1.]])]
    """
    sent = operator.attrgetter("tensor")
    return (sent,) if type(channel).read is Channel.read else (sent, channel.read)


def read_before(channel: Channel) -> Channel:
    """Return a channel for wires that are made of readings, which must not be read again.

    Example:
        >>> plain = Channel()
        >>> read_before(plain) is plain
        True
    """
    sent, *others = readings(channel)
    if not others:
        return channel
    known = copy.copy(channel)
    known.read = sent  # pyright: ignore[reportAttributeAccessIssue]
    return known
