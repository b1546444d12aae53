"""Decoders that learn from what several substitutes of a client send."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn

from ..benchmark.interfaces import Observation, Reconstruction, Wire
from ..benchmark.interfaces.channel import read_before
from ._decoders.fitting import DecoderRecipe
from ._ensemble import ensemble
from ._generic_client import sent_by
from ._inversion.rmle import wire_as_ir
from ._shrinkage import shrink_to_mean

CHECKED_WIRES = 200
"""Recorded wires on whose reconstructions the decoders are checked, at most."""
COMPARED_IMAGES = 256
"""Images on which substitutes are compared, at most."""


def decode_through(send: Callable[[Tensor], Tensor], seen: Observation, traffic: Tensor) -> Reconstruction:
    """Train decoders of what substitutes send, and apply them to the wire under attack.

    Answers that vary more than images do are moved towards the mean image.

    Args:
        send: Maps images (N, C, H, W) to IRs by the substitutes.
        seen: The observation.
        traffic: Recorded wires as the channel reads them, (K, ...).
    """
    wire = wire_as_ir(seen)

    def query(images: Tensor) -> Wire:
        return Wire(seen.channel.read(Wire(seen.channel(send(images)))))

    both = Wire(torch.cat([wire, traffic[:CHECKED_WIRES]]))
    rebuilt = ensemble(replace(seen, wire=both, query=query, channel=read_before(seen.channel)), DecoderRecipe())
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
    return shrink_to_mean(images[:attacked], mean, min(1.0, usual / max(found, 1e-12)))


@torch.no_grad()
def sent_by_any(images: Tensor, clients: Sequence[nn.Module], weights: Sequence[float] | None = None) -> Tensor:
    """Send each image (N, C, H, W) through a client that is drawn at random, (N, ...), as the victim would.

    Decoders that learn from it do not trust what the clients disagree on.

    Args:
        images: The images.
        clients: Map images to IRs.
        weights: How often each client is drawn; None: all equally often.
    """
    sent = torch.stack([sent_by(client, images) for client in clients])  # (clients, N, ...)
    if weights is None:
        drawn = torch.randint(len(clients), (len(images),), device=images.device)
    else:
        drawn = torch.multinomial(torch.tensor(weights, device=images.device), len(images), replacement=True)
    return sent[drawn, torch.arange(len(images), device=images.device)]


@torch.no_grad()
def disagreement(images: Tensor, clients: Sequence[nn.Module]) -> Tensor:
    """Compute the standard deviation among clients of each number that they send, over some images, (...)."""
    sent = torch.stack([client(images[:COMPARED_IMAGES]) for client in clients])  # (clients, N, ...)
    return sent.var(0, correction=0 if len(clients) == 1 else 1).mean(0).sqrt()
