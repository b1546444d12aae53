"""Several shadow clients as one, for a search that explains a wire through all of them."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ._inversion.distance import Distance
from ._shadow import Shadow

POWER = 4
"""A shadow with twice the lowest loss counts one part in two to this power in a search. On photographs at relu1 of
LeNet-5 (four seeds, six shadows each) powers of 2 and 4 gave 16.7 and 16.8 dB, and the one with the lowest loss alone
15.5 dB."""


def weights(shadows: Sequence[Shadow], *, power: float) -> list[float]:
    """Weigh shadows by a power of the lowest loss over theirs, in shares of 1."""
    losses = torch.tensor([shadow.loss for shadow in shadows]).clamp(min=1e-12)
    relative = (losses.min() / losses) ** power
    return (relative / relative.sum()).tolist()


def several(shadows: Sequence[Shadow], distance: Distance) -> tuple[nn.Module, Distance]:
    """Return a client that sends what all shadows send, and a weighted mean of the distances of these.

    The errors of shadows that were trained independently differ, so an image that explains the wire through all of
    them is closer to the private one than those that explain it through one each.

    Args:
        shadows: The trained shadows, K of them.
        distance: Misfit of IRs (N, ...) with wires (N, ...).

    Returns:
        A client from images (N, C, H, W) to IRs (N, K, ...), and the misfit of these with wires (N, ...).
    """
    if len(shadows) == 1:
        return shadows[0].client, distance
    shares = weights(shadows, power=POWER)

    def mean(values: Tensor, wires: Tensor) -> Tensor:
        return sum(
            (share * distance(values[:, index], wires) for index, share in enumerate(shares)),
            start=values.new_zeros(()),
        )

    return _Stacked([shadow.client for shadow in shadows]), mean


class _Stacked(nn.Module):
    """Send the same images through several clients."""

    def __init__(self, clients: Sequence[nn.Module]) -> None:
        super().__init__()
        self.clients = nn.ModuleList(clients)

    def forward(self, images: Tensor) -> Tensor:
        """Map images (N, C, H, W) to IRs of all clients (N, K, ...)."""
        return torch.stack([client(images) for client in self.clients], dim=1)
