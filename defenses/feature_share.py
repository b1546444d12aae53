"""Shares of the features for several servers."""

from __future__ import annotations

import copy
from collections import OrderedDict
from dataclasses import dataclass
from typing import ClassVar

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from ..benchmark.errors import Inapplicable
from ..benchmark.interfaces import Channel, Defense, Exchange, ImageSet, SplitModel, Wire
from ..benchmark.interfaces.timing import timed_ms
from ..benchmark.training import EPOCHS_HELP, train_jointly, tune_server
from ..benchmark.utils.ir_layout import IrLayout
from ._ensemble import Received
from ._undefended_client import require_undefended


class FeatureShare(Defense):
    """Divide the channels of the IR among several servers. Each classifies its share, and the device fuses the logits.

    The channels are divided at random into disjoint groups, whose sizes differ by one at most: those of maps
    (N, C, H, W) or (N, H, W, C), the numbers of vectors and the features of tokens (N, T, D). Each server runs a copy
    of the given server on its group, with 0 in place of the other channels, and returns logits, which a linear layer on
    the device fuses. All of this is trained together, from the given weights. The adversary is the first of the
    servers, or the first ``collude`` of them. This is not encryption: each group alone may reveal the image. There is
    no guarantee. Attacks without queries are given all servers and the layer that fuses, which is more than one server
    has.

    The published method learns its masks and opposes a diffusion model; here the groups are fixed.

    Example: ``mia-bench run --defense feature_share --servers 3 --collude 1,2,3``

    Source: "PrivDFS: Private inference via distributed feature sharing" (arXiv 2508.04346, 2025).
    """

    version: ClassVar[int] = 2
    adversary_only: ClassVar[frozenset[str]] = frozenset({"collude"})
    guarantee: ClassVar[str] = "none"

    servers: int = Field(3, ge=2, le=64, description="number of servers among which the channels are divided")
    collude: int = Field(1, ge=1, description="number of servers whose shares the adversary sees")
    tuning_epochs: int = Field(2, ge=0, description=EPOCHS_HELP)

    @model_validator(mode="after")
    def _check(self) -> FeatureShare:
        if self.collude > self.servers:
            raise ValueError(
                f"Expected collude to be at most servers={self.servers}, got {self.collude}. "
                "Lower collude, or raise servers."
            )
        return self

    def protect(self, model: SplitModel, train: ImageSet) -> SplitModel:
        """Return a copy of the model with several servers.

        Raises:
            Inapplicable: If the IR has fewer channels than there are servers, or the client is random.
        """
        require_undefended(model, "feature_share")
        shared = model.copy()
        with torch.no_grad():
            ir = shared.client(train.images[:1])
            outputs = shared.server(ir).shape[1:]
        axis = IrLayout.of(ir.shape[1:], image=train.images.shape[1:]).channel_axis
        channels = ir.shape[axis]
        if channels < self.servers:
            raise Inapplicable(
                f"Expected an IR of at least {self.servers} channels, one for each server, got {channels}. Lower "
                "servers."
            )
        masks = _disjoint_masks(self.servers, channels).to(ir.device)
        server = nn.Sequential(
            OrderedDict(
                branches=Branches(shared.server, masks, axis=axis),
                fusion=_mean_of_logits(self.servers, outputs[0]),
            )
        ).to(ir.device)
        trained = SplitModel(client=shared.client, server=server)
        self._tune(trained, train)
        return SharedFeatures(
            client=trained.client,
            server=trained.server,
            ir_channel=SeenChannels(masks[: self.collude].sum(0), dims=ir.dim(), axis=axis),
            votes=(self.servers * outputs[0], *outputs[1:]),
        )

    def _tune(self, model: SplitModel, train: ImageSet) -> None:
        if not self.tuning_epochs:
            return
        if any(True for _ in model.client.parameters()):
            train_jointly(model, train, lambda *_: torch.zeros((), device=model.device), epochs=self.tuning_epochs)
        else:
            tune_server(model, train, epochs=self.tuning_epochs)


def _disjoint_masks(servers: int, channels: int) -> Tensor:
    """Divide channels at random into groups of about equal size. Return their masks, (servers, channels)."""
    return torch.stack(
        [torch.zeros(channels).index_fill(0, group, 1) for group in torch.randperm(channels).tensor_split(servers)]
    )


class Branches(nn.Module):
    """Run each server on its group of channels.

    Example:
        >>> Branches(nn.Sequential(nn.Identity()), torch.eye(2), axis=1)(torch.tensor([[3.0, 5.0]]))
        tensor([[3., 0., 0., 5.]])
    """

    masks: Tensor

    def __init__(self, server: nn.Module, masks: Tensor, *, axis: int) -> None:
        """Copy the server for each mask of channels along an axis, (servers, channels)."""
        super().__init__()
        self.axis = axis
        self.servers = nn.ModuleList([copy.deepcopy(server) for _ in masks])
        self.register_buffer("masks", masks, persistent=False)

    def forward(self, ir: Tensor) -> Tensor:
        """Map IRs (N, ...) to the logits of all servers, (N, servers * outputs), or (N, servers * outputs, ...)."""
        shape = [1] * ir.dim()
        shape[self.axis] = -1
        return torch.cat(
            [
                server(ir.masked_fill(mask.view(shape) == 0, 0.0))
                for server, mask in zip(self.servers, self.masks, strict=True)
            ],
            1,
        )


class Fusion(nn.Linear):
    """A fully connected layer on the first axis of the outputs of one image, such as the classes of each pixel.

    Example:
        >>> Fusion(6, 2)(torch.rand(4, 6, 8, 8)).shape
        torch.Size([4, 2, 8, 8])
    """

    def forward(self, input: Tensor) -> Tensor:  # the name of the base class
        """Map the outputs of all servers, (N, servers * outputs, ...), to outputs (N, outputs, ...)."""
        return super().forward(input.movedim(1, -1)).movedim(-1, 1)


def _mean_of_logits(servers: int, outputs: int) -> Fusion:
    """Build a layer that begins as the mean of the logits of all servers."""
    fusion = Fusion(servers * outputs, outputs)
    with torch.no_grad():
        fusion.weight.copy_(torch.eye(outputs).repeat(1, servers) / servers)
        fusion.bias.zero_()
    return fusion


class SeenChannels(Channel):
    """Replace the channels that the adversary does not see by 0.

    Example:
        >>> SeenChannels(torch.tensor([1.0, 0.0, 1.0]), dims=2, axis=1)(torch.tensor([[3.0, 4.0, 5.0]]))
        tensor([[3., 0., 5.]])
    """

    mask: Tensor

    def __init__(self, mask: Tensor, *, dims: int, axis: int) -> None:
        """Take 1 for each channel that is seen and 0 for all others, along an axis of values with ``dims`` axes."""
        super().__init__()
        self.register_buffer("mask", along(mask, dims=dims, axis=axis).clone())

    def clean(self, value: Tensor) -> Tensor:
        """Return the channels that are seen, and 0 for all others."""
        return value.masked_fill(self.mask == 0, 0.0)

    def forward(self, value: Tensor) -> Tensor:
        """Return the channels that are seen, and 0 for all others."""
        return self.clean(value)

    def read(self, wire: Wire) -> Tensor:
        """Return the channels that are seen, also of what all servers are sent together."""
        return self.clean(wire.tensor)


def along(mask: Tensor, *, dims: int, axis: int) -> Tensor:
    """Return a mask (K,) in a shape that applies to one axis of values with ``dims`` axes."""
    return mask.view(*(len(mask) if each == axis else 1 for each in range(dims)))


@dataclass(frozen=True, kw_only=True)
class SharedFeatures(SplitModel):
    """A split model whose device sends a group of channels to each server. Its IR channel is what the adversary sees.

    Attributes:
        votes: Shape of the outputs of all servers for one image, (servers * outputs, ...).

    Example:
        ``FeatureShare(servers=3).protect(model, train)`` returns one.
    """

    votes: tuple[int, ...]

    @property
    def on_device(self) -> nn.Sequential:
        """The client and the layer that fuses."""
        return nn.Sequential(*self.client, Received(self.votes), self.server[1])

    def send(self, images: Tensor) -> Wire:
        """Return what all servers are sent together, the whole IR (N, ...) of images (N, C, H, W)."""
        with torch.no_grad():
            return Wire(self.client(self.input_channel(images)))

    def overheard(self, images: Tensor) -> Wire:
        """Return the channels that the adversary sees."""
        return Wire(self.ir_channel(self.send(images).tensor))

    def exchange(self, wire: Wire) -> Exchange:
        """Run all servers on their channels, and fuse their logits on the device."""
        branches, fusion = self.server
        with torch.no_grad():
            with timed_ms(self.device) as cloud:
                votes = branches(wire.tensor)
            with timed_ms(self.device) as device:
                logits = fusion(votes)
        return Exchange(logits, client_ms=device.ms, server_ms=cloud.ms, more_bytes_up=0, bytes_down=votes.nbytes)

    def logits(self, images: Tensor) -> Tensor:
        """Return logits (N, outputs) that are differentiable."""
        return self.server(self.client(self.input_channel(images)))
