"""A network cut in two, and what happens to the value that crosses the cut."""

from __future__ import annotations

import copy
from collections import OrderedDict
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor, nn

from ..errors import UsageError
from .channel import Channel
from .stages import child_name, cut_name, find_cuts
from .timing import timed_ms
from .wire import Wire


class Normalize(nn.Module):
    """Shifts and scales each channel; the first module of every client, so that images stay in [0, 1] outside."""

    mean: Tensor
    std: Tensor

    def __init__(self, mean: Tensor, std: Tensor) -> None:
        """Take the mean and the standard deviation of each channel, (C,)."""
        super().__init__()
        self.register_buffer("mean", mean.view(-1, 1, 1).clone())
        self.register_buffer("std", std.view(-1, 1, 1).clone())

    def forward(self, images: Tensor) -> Tensor:
        """Normalize (N, C, H, W) images."""
        return (images - self.mean) / self.std


class Target(nn.Module):
    """A classifier as an ordered list of named layers, which normalizes its inputs itself."""

    def __init__(self, normalize: nn.Module, layers: nn.Sequential) -> None:
        """Join the normalization and the named layers of a model."""
        super().__init__()
        self.normalize = normalize
        self.layers = layers

    @property
    def splits(self) -> list[str]:
        """Names of the layers, in order: each is a split point."""
        return [cut_name(child) for child, _ in self.layers.named_children()]

    def forward(self, images: Tensor) -> Tensor:
        """Classify images (N, C, H, W) in [0, 1] into logits (N, classes)."""
        return self.layers(self.normalize(images))

    def split(self, name: str) -> SplitModel:
        """Cut behind the layer ``name``; the two halves share this target's weights.

        Raises:
            UsageError: if there is no such layer, or more than one tensor crosses behind it.
        """
        cuts = find_cuts(self.layers, name)
        if len(cuts) > 1:
            raise UsageError(f"Expected one split, got {name!r}, which means {len(cuts)} of them: {', '.join(cuts)}")
        layers = OrderedDict(self.layers.named_children())
        names = list(layers)
        cut = names.index(child_name(cuts[0])) + 1
        client = nn.Sequential(OrderedDict(normalize=self.normalize, **{n: layers[n] for n in names[:cut]}))
        return SplitModel(client=client, server=nn.Sequential(OrderedDict((n, layers[n]) for n in names[cut:])))


@dataclass(frozen=True)
class Promise:
    """What a defense guarantees: in words, and as (epsilon, delta) where that is what it is."""

    guarantee: str = "none"
    epsilon: float | None = None
    delta: float | None = None


@dataclass(frozen=True)
class Exchange:
    """One round trip behind ``send``.

    Attributes:
        logits: (N, classes), as the client reads them.
        client_ms: milliseconds on the device after it has sent the wire.
        server_ms: milliseconds in the cloud.
        more_bytes_up: bytes sent up after the wire.
        bytes_down: bytes sent back.
    """

    logits: Tensor
    client_ms: float
    server_ms: float
    more_bytes_up: int
    bytes_down: int


@dataclass(frozen=True, kw_only=True)
class SplitModel:
    """A client, a server, and what happens between them.

    A defense that changes how the two talk, such as encryption, returns a subclass that overrides ``send``,
    ``exchange`` and, where batches are cheaper than single images, ``classify``. Where the adversary sees more than
    what is sent, it overrides ``overheard``, too.

    Attributes:
        client: named layers on the device, normalization first.
        server: named layers in the cloud.
        input_channel: applied to the images before the client.
        ir_channel: applied to the IR before it is sent.
        promise: what the defense guarantees.
        accuracy_images: on how many of the private images accuracy is measured, if all would take too long.
    """

    client: nn.Sequential
    server: nn.Sequential
    input_channel: Channel = field(default_factory=Channel)
    ir_channel: Channel = field(default_factory=Channel)
    promise: Promise = Promise()
    accuracy_images: int | None = None

    def send(self, images: Tensor) -> Wire:
        """Run the client on images (N, C, H, W) in [0, 1]; what leaves the device."""
        with torch.no_grad():
            sent = self.ir_channel(self.client(self.input_channel(images)))
        return Wire(sent, packed=self.ir_channel.packed_bytes(sent))

    def overheard(self, images: Tensor) -> Wire:
        """What the adversary sees of these images: what is sent, unless more of it is in the open elsewhere."""
        return self.send(images)

    def exchange(self, wire: Wire) -> Exchange:
        """Let the server work on what arrived, and the client read what comes back; each wire once."""
        with timed_ms(self.device) as elapsed, torch.no_grad():
            logits = self.server(wire.tensor)
        return Exchange(logits, client_ms=0, server_ms=elapsed.ms, more_bytes_up=0, bytes_down=logits.nbytes)

    def answer(self, wire: Wire) -> Tensor:
        """Logits (N, classes) for what was sent."""
        return self.exchange(wire).logits

    def classify(self, images: Tensor) -> Tensor:
        """Logits (N, classes) for a batch of images (N, C, H, W), by way of the wire."""
        return self.answer(self.send(images))

    def details(self, images: Tensor, labels: Tensor, logits: Tensor) -> dict[str, float]:
        """What else is worth recording of this model, by name, with units in the names.

        Args:
            images: those on which accuracy was measured, (N, C, H, W).
            labels: theirs, (N,).
            logits: what ``classify`` made of them, (N, classes).
        """
        return {}

    def logits(self, images: Tensor) -> Tensor:
        """All of it, differentiable, for training through the channels: logits (N, classes)."""
        return self.server(self.ir_channel(self.client(self.input_channel(images))))

    @property
    def on_device(self) -> nn.Sequential:
        """The layers whose price the device pays: all of ``client``, unless another trusted place runs some of it."""
        return self.client

    @property
    def stochastic(self) -> bool:
        """Whether sending one image twice gives two different wires."""
        return self.input_channel.stochastic or self.ir_channel.stochastic

    @property
    def device(self) -> torch.device:
        """Where its weights are; the CPU if it has none."""
        parts = self.modules()
        return next((each.device for each in (*parts.parameters(), *parts.buffers())), torch.device("cpu"))

    def copy(self) -> SplitModel:
        """A deep copy with weights of its own."""
        return copy.deepcopy(self)

    def modules(self) -> nn.ModuleList:
        """All parts, for moving, freezing or switching between training and evaluation."""
        return nn.ModuleList([self.client, self.server, self.input_channel, self.ir_channel])

    def moved_behind(self, layer: str) -> SplitModel:
        """The same network cut behind another layer, earlier or later."""
        client, server = OrderedDict(self.client.named_children()), OrderedDict(self.server.named_children())
        layers = OrderedDict([*client.items(), *server.items()])
        names = list(layers)
        cut = names.index(child_name(layer)) + 1
        return replace(
            self,
            client=nn.Sequential(OrderedDict((name, layers[name]) for name in names[:cut])),
            server=nn.Sequential(OrderedDict((name, layers[name]) for name in names[cut:])),
        )
