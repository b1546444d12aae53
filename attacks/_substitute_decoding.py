"""Decoders that learn from what several substitutes of a client send."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn

from ..benchmark.interfaces import Observation, Reconstruction, Wire
from ._decoders.fitting import Recipe
from ._ensemble import ensemble
from ._inversion.rmle import comparable
from ._shrinkage import shrink

CHECKED_WIRES = 200
"""Recorded wires on whose reconstructions the decoders are checked, at most."""


def decode_through(
    clients: Sequence[nn.Module], seen: Observation, traffic: Tensor, weights: Sequence[float] | None = None
) -> Reconstruction:
    """Train decoders of what substitutes send, and apply them to the wire under attack.

    Each image is sent through a substitute that is drawn at random, so that the decoders do not trust what the
    substitutes disagree on. Answers that vary more than images do are moved towards the mean image.

    Args:
        clients: the substitutes, which map images (N, C, H, W) to IRs.
        seen: the observation.
        traffic: recorded wires as the channel reads them, (K, ...).
        weights: how often each substitute is drawn; None: all equally often.
    """
    wire = comparable(seen)
    odds = None if weights is None else torch.tensor(weights, device=wire.device)

    def query(images: Tensor) -> Wire:
        return Wire(seen.channel(_sent_by_any(clients, images, odds)))

    both = Wire(torch.cat([wire, traffic[:CHECKED_WIRES]]))
    rebuilt = ensemble(replace(seen, wire=both, query=query), Recipe())
    mean = seen.aux.images.mean(0)
    usual = (seen.aux.images - mean).square().mean().item()
    members = {name: _believed(images, mean, usual, len(wire)) for name, images in rebuilt.members.items()}
    return replace(rebuilt, images=members[rebuilt.selected], members=members)


def _believed(images: Tensor, mean: Tensor, usual: float, attacked: int) -> Tensor:
    """Move the first images (N, C, H, W) towards the mean as far as the others, of traffic, differ too much from it.

    Decoders are chosen on what substitutes send, and may fail on what the client sends. Their answers to traffic then
    vary more than images do. If the excess is independent of the images, this factor has the least squared error.
    """
    found = (images[attacked:] - mean).square().mean().item()
    return shrink(images[:attacked], mean, min(1.0, usual / max(found, 1e-12)))


@torch.no_grad()
def _sent_by_any(clients: Sequence[nn.Module], images: Tensor, odds: Tensor | None) -> Tensor:
    """Send each image (N, C, H, W) through a client that is drawn at random, (N, ...)."""
    sent = torch.stack([client(images) for client in clients])  # (clients, N, ...)
    if odds is None:
        drawn = torch.randint(len(clients), (len(images),), device=images.device)
    else:
        drawn = torch.multinomial(odds, len(images), replacement=True)
    return sent[drawn, torch.arange(len(images), device=images.device)]
