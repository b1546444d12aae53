"""The search for images of few values, such as tokens, behind clients that give no gradients."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ...benchmark.interfaces import Observation
from .._decoders.queries import Queries
from .._decoders.values import pixel_values
from .._limits import affordable_iterations, forward_batch_size
from .distance import Distance
from .rmle import wire_as_ir

MAX_CANDIDATES = 2**13
"""Images that are sent through the client for one wire, at most."""
EXPLAINED = 1e-9
"""Misfit, as a share of the squared length of the wire, with which an image counts as found."""


@dataclass(frozen=True)
class ValueSearch:
    """Change pixels to other values as long as the IR comes nearer to the wire.

    Each pass tries all values at each pixel alone. It then makes the changes that help together: all of them, or the
    better half, or a quarter, down to the best one, whichever explains the wire best.

    Attributes:
        client: Maps images to clean IRs.
        distance: Misfit of clean IRs with wires.
        values: The values that pixels have, (V, C).
        passes: Passes over the pixels, at most.
    """

    client: nn.Module
    distance: Distance
    values: Tensor
    passes: int

    @torch.no_grad()
    def rebuild(self, wires: Tensor, starts: Sequence[Tensor]) -> Tensor:
        """Return images (N, C, H, W) for wires (N, ...).

        Args:
            wires: What was sent, (N, ...).
            starts: Guesses, each (N, C, H, W). The search for a wire begins at the one that explains it best.
        """
        guesses = torch.stack([self._nearest(each) for each in starts], 1)  # (N, S, H * W)
        shape = starts[0].shape[2:]
        found = [self._search(some, wire, shape) for some, wire in zip(guesses, wires, strict=True)]
        return self._images(torch.stack(found), shape)

    def _nearest(self, images: Tensor) -> Tensor:
        """Return which value is nearest to each pixel, (N, H * W)."""
        return torch.cat([torch.cdist(each.flatten(1).T[None], self.values[None]).argmin(2) for each in images])

    def _images(self, chosen: Tensor, shape: torch.Size) -> Tensor:
        """Return the images (N, C, H, W) with the chosen values (N, H * W)."""
        return self.values[chosen].transpose(1, 2).unflatten(2, shape)

    def _search(self, guesses: Tensor, wire: Tensor, shape: torch.Size) -> Tensor:
        """Return the values (H * W,) that explain a wire, from guesses (S, H * W)."""
        misfits = self._misfits(guesses, wire, shape)
        chosen, misfit = guesses[misfits.argmin()], misfits.min()
        explained = EXPLAINED * wire.square().sum()
        for _ in range(self.passes):
            if misfit <= explained:
                break
            changed = torch.stack(list(self._changed(chosen, misfit, wire, shape)) or [chosen])
            misfits = self._misfits(changed, wire, shape)
            if not misfits.min() < misfit:
                break
            chosen, misfit = changed[misfits.argmin()], misfits.min()
        return chosen

    def _changed(self, chosen: Tensor, misfit: Tensor, wire: Tensor, shape: torch.Size) -> Iterator[Tensor]:
        """Yield the values (H * W,) with the changes that help: all of them, the better half, and so on."""
        pixels, values = len(chosen), len(self.values)
        candidates = chosen.repeat(pixels, values, 1)  # (H * W, V, H * W)
        every = torch.arange(pixels, device=chosen.device)
        candidates[every, :, every] = torch.arange(values, device=chosen.device)
        least, best = self._misfits(candidates.flatten(0, 1), wire, shape).view(pixels, values).min(1)
        helpful = least.argsort()[: int((least < misfit).sum())]
        while len(helpful):
            changed = chosen.clone()
            changed[helpful] = best[helpful]
            yield changed
            helpful = helpful[: len(helpful) // 2]

    def _misfits(self, chosen: Tensor, wire: Tensor, shape: torch.Size) -> Tensor:
        """Return the misfits (N,) of the IRs of images with the chosen values (N, H * W) with one wire (...)."""

        def misfit(part: Tensor) -> Tensor:
            return self.distance(self.client(self._images(part, shape)), wire.expand(len(part), *wire.shape))

        return torch.cat([misfit(part) for part in chosen.split(forward_batch_size(wire))])


def fit_value_search(seen: Observation, queries: Queries) -> ValueSearch | None:
    """Return the search, or None if pixels have too many values, or no IR can be compared with the wires.

    Args:
        seen: The client and the channel.
        queries: The attacker's images, and the wires as they are read.
    """
    assert seen.client is not None
    images = queries.images[: queries.own]
    most = affordable_iterations(seen.client, images[0], MAX_CANDIDATES) // images[0, 0].numel()
    values = pixel_values(images, most)
    if values is None or not _comparable(seen, queries):
        return None
    return ValueSearch(seen.client, seen.channel.distance, values, most // len(values))


def _comparable(seen: Observation, queries: Queries) -> bool:
    """Return whether the wires are read as the channel reads them, and have the shape of an IR that was sent."""
    assert seen.client is not None
    if not seen.channel.published:
        return False
    with torch.no_grad():
        sent = seen.channel.clean(seen.client(queries.images[:1]))
    return sent.shape[1:] == queries.observed.shape[1:] and torch.equal(wire_as_ir(seen), queries.observed)
