"""Substitute clients whose wires are distributed like those that an attacker has recorded."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..benchmark.interfaces import Observation
from ..benchmark.training import fit
from ..benchmark.utils.ir_layout import IrLayout
from ._generic_client import is_random
from ._limits import forward_batch_size, max_query_images
from ._shadow import sent_through
from ._units import TINY

ALIGNMENT_BATCH_IMAGES = 128
LEARNING_RATE = 3e-3
MEANS_WEIGHT = 30.0
COVARIANCE_WEIGHT = 10.0
"""Weights of the two statistics beside the server's loss, chosen on MNIST relu2."""
MAX_FEATURES = 1024
"""Numbers of a neighborhood, or of a vector, whose covariance is compared, at most; others are left out at random."""
SIDE = 3
"""Cells down and across a neighborhood."""
MAX_GROUPS = 20
MIN_GROUP_WIRES = 20
"""Wires of a class, at least, for its own mean to be imitated; with fewer, or more than ``MAX_GROUPS``, there is one
mean for all."""
SMALLEST_SHARE = 1e-9
"""Variance that is added to that of each number, as a share of their mean, so that its root has a derivative."""


@dataclass(frozen=True)
class Alignment:
    """The loss of a substitute: how far its wires are distributed from the recorded ones.

    Attributes:
        seen: The attacker's images, the channel and perhaps the server.
        server: The frozen server; None without it.
        groups: Class of each of the attacker's images, (K,), as the server sees them in the recorded wires; all 0
            without a server or with too few wires of some class.
        means: Mean recorded wire of each group, (groups, ...).
        deviation: Standard deviation of each number of a wire, (...).
        covariance: Of the features of recorded wires, (F, F).
        features: Positions of the features, (F,).
    """

    seen: Observation
    server: nn.Module | None
    groups: Tensor
    means: Tensor
    deviation: Tensor
    covariance: Tensor
    features: Tensor

    @classmethod
    def of(cls, seen: Observation, wires: Tensor, *, use_server: bool) -> Alignment:
        """Measure recorded wires (K, ...), as the channel reads them."""
        server = None
        if use_server and seen.server is not None and seen.tail is None:
            server = copy.deepcopy(seen.server).requires_grad_(False).eval()
        own, recorded = _groups(seen, wires, server)
        means = torch.stack([wires[recorded == group].double().mean(0) for group in range(int(recorded.max()) + 1)])
        rows = _features(wires[:1], seen)
        kept = torch.randperm(rows.shape[1])[:MAX_FEATURES].to(wires.device)
        chunks = [_features(part, seen)[:, kept].double() for part in wires.split(forward_batch_size(wires[0]))]
        center = sum(chunk.sum(0) for chunk in chunks) / sum(len(chunk) for chunk in chunks)
        squares = sum((chunk - center).T @ (chunk - center) for chunk in chunks)
        covariance = squares / sum(len(chunk) for chunk in chunks)
        assert isinstance(covariance, Tensor)
        deviation = wires.double().std(0, correction=0).float()
        return cls(seen, server, own, means.float(), deviation, covariance.float(), kept)

    def __call__(self, client: nn.Module, batch: Tensor) -> Tensor:
        """Compute the loss over some of the attacker's images (B,), a scalar."""
        aux = self.seen.aux
        clean = sent = sent_through(self.seen.channel, client(aux.images[batch]))
        if is_random(client):
            sent = sent_through(self.seen.channel, client.send(aux.images[batch]))
        unit = self.deviation.square().mean().clamp(min=TINY)
        chosen = functional.one_hot(self.groups[batch], len(self.means)).to(sent.dtype)  # (B, groups)
        counts = chosen.sum(0)
        means = (chosen.T @ sent.flatten(1)) / counts.clamp(min=1)[:, None]
        away = (means - self.means.flatten(1)).square().mean(1)[counts > 0].mean()
        spread = ((sent.var(0, correction=0) + SMALLEST_SHARE * unit).sqrt() - self.deviation).square().mean()
        rows = _features(sent, self.seen)[:, self.features]
        centered = rows - rows.mean(0)
        apart = (centered.T @ centered / len(rows) - self.covariance).square().mean()
        total = MEANS_WEIGHT * (away + spread) / unit
        total = total + COVARIANCE_WEIGHT * apart / self.covariance.square().mean().clamp(min=1e-30)
        return total if self.server is None else total + aux.loss(self.server(clean), batch)


def _groups(seen: Observation, wires: Tensor, server: nn.Module | None) -> tuple[Tensor, Tensor]:
    """Return the group of each of the attacker's images, (N,), and of each recorded wire, (K,), by the server."""
    none = (
        torch.zeros(len(seen.aux), dtype=torch.long, device=wires.device),
        torch.zeros_like(wires[:, :1].flatten(1)[:, 0]).long(),
    )
    if server is None or seen.aux.task != "classification" or not 1 < seen.classes <= MAX_GROUPS:
        return none
    with torch.no_grad():
        found = torch.cat([server(part).argmax(1) for part in wires.split(forward_batch_size(wires[0]))])
    counts = torch.bincount(found, minlength=seen.classes)
    few = len(counts) > seen.classes or int(counts.min()) < MIN_GROUP_WIRES
    return none if few else (seen.aux.labels.to(wires.device), found)


def _features(wires: Tensor, seen: Observation) -> Tensor:
    """Return the neighborhoods of all cells of spatial wires (N, ...), (N * cells, C * 9), or vectors as they are."""
    ir = IrLayout.of(wires.shape[1:], image=seen.image_shape)
    if not ir.spatial:
        return wires.flatten(1)
    maps = ir.to_maps(wires)
    side = SIDE if min(maps.shape[2:]) >= SIDE and maps.shape[1] * SIDE**2 <= MAX_FEATURES else 1
    return functional.unfold(maps, side).movedim(1, 2).flatten(0, 1)


def aligned(build: Callable[[], nn.Module], loss: Alignment, *, steps: int) -> nn.Module:
    """Train a substitute client until its wires are distributed like the recorded ones, and return it frozen.

    Args:
        build: Makes an untrained client, which maps images (N, C, H, W) to IRs like the victim's.
        loss: The distance of the distributions.
        steps: Batches, at most; fewer for an expensive network.
    """
    client, images = build().train(), loss.seen.aux.images
    size = min(ALIGNMENT_BATCH_IMAGES, len(images))
    most = min(steps * size, max_query_images(client, images[:2]))
    count = min(len(images), most)
    passes = max(1, most // count)
    fit(
        client.parameters(),
        lambda batch: loss(client, batch),
        count=count,
        epochs=passes,
        batch_size=size,
        learning_rate=LEARNING_RATE,
    )
    return client.eval().requires_grad_(False)
