"""A network that is divided into a client and a server, and the channels between them."""

from __future__ import annotations

import copy
from collections import OrderedDict
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, nn

from ..errors import UsageError
from .channel import Channel
from .stages import Place, child_name, cut_name, find_cuts, places_of
from .timing import timed_ms
from .wire import Wire


class Normalize(nn.Module):
    """Shift and scale each channel. This is the first module of every client, so that it takes images in [0, 1].

    Example:
        >>> Normalize(torch.tensor([0.5]), torch.tensor([0.25]))(torch.ones(1, 1, 1, 1)).item()
        2.0
    """

    mean: Tensor
    std: Tensor

    def __init__(self, mean: Tensor, std: Tensor) -> None:
        """Take the mean and the standard deviation of each channel, (C,)."""
        super().__init__()
        self.register_buffer("mean", mean.view(-1, 1, 1).clone())
        self.register_buffer("std", std.view(-1, 1, 1).clone())

    def forward(self, images: Tensor) -> Tensor:
        """Normalize images (N, C, H, W)."""
        return (images - self.mean) / self.std


class Target(nn.Module):
    """Hold a network as an ordered list of named layers, behind the normalization of its inputs.

    Example:
        >>> layers = nn.Sequential(OrderedDict(flat=nn.Flatten(), out=nn.Linear(64, 10)))
        >>> target = Target(Normalize(torch.zeros(1), torch.ones(1)), layers)
        >>> target.splits
        ['flat', 'out']
        >>> target.split("flat").send(torch.rand(2, 1, 8, 8)).tensor.shape
        torch.Size([2, 64])
    """

    def __init__(self, normalize: nn.Module, layers: nn.Sequential) -> None:
        """Join the normalization and the named layers of a model."""
        super().__init__()
        self.normalize = normalize
        self.layers = layers

    @property
    def splits(self) -> list[str]:
        """The names of the layers, in order. Each is a split point."""
        return [cut_name(child) for child, _ in self.layers.named_children()]

    def forward(self, images: Tensor) -> Tensor:
        """Classify images (N, C, H, W) in [0, 1] into logits (N, classes)."""
        return self.layers(self.normalize(images))

    def split(self, name: str) -> SplitModel:
        """Return the split model that is cut behind the layer ``name``. It shares the weights of this target.

        Of weights that layers on both sides of the cut use, the server has a copy.

        Raises:
            UsageError: If the network has no such layer or cannot be split after it.
        """
        cuts = find_cuts(self.layers, name)
        if len(cuts) > 1:
            raise UsageError(
                f"Expected one split, got {name!r}, which means {len(cuts)} of them: {', '.join(cuts)}. Choose one."
            )
        layers = OrderedDict(self.layers.named_children())
        names = list(layers)
        cut = names.index(child_name(cuts[0])) + 1
        client = nn.Sequential(OrderedDict(normalize=self.normalize, **{n: layers[n] for n in names[:cut]}))
        server = nn.Sequential(OrderedDict((n, layers[n]) for n in names[cut:]))
        server, shared = _apart(client, server)
        return SplitModel(client=client, server=server, places=places_of(self.layers), shared=shared)


def _apart(client: nn.Sequential, server: nn.Sequential) -> tuple[nn.Sequential, tuple[tuple[Tensor, Tensor], ...]]:
    """Return a server that shares no weights with the client, and pairs of a weight of the client and its copy."""
    held = [{id(each): each for each in (*half.parameters(), *half.buffers())} for half in (client, server)]
    both, copies = held[0].keys() & held[1].keys(), dict[int, Any]()
    if not both:
        return server, ()
    server = copy.deepcopy(server, copies)
    return server, tuple((held[0][each], copies[each]) for each in both)


@dataclass(frozen=True)
class Promise:
    """State what a defense guarantees, in words, and as epsilon and delta if it is differential privacy.

    Attributes:
        guarantee: The guarantee in words. If they say "local", epsilon bounds how often any attacker identifies the
            image from its own wires.
        epsilon: Epsilon of differential privacy, at least 0. None without such a guarantee.
        delta: Delta of differential privacy, in [0, 1). None without such a guarantee.
        gaussian_reach: If each wire is Gaussian noise (or computed from it) around values within a ball: the radius of
            the ball, in standard deviations of the noise. It bounds how often any attacker identifies the image
            from its own wires.
        laplacian_reach: The same for Laplacian noise: the L1 radius, in scales b of the noise.
        pair_error: A lower bound, in [0, 0.5], on the probability of error of any attacker who tells two equally likely
            images apart, given the wires that epsilon covers.
        secrecy: Whether the wires say nothing about the image to the attacker, as ciphertexts do. Then each attack is
            flagged that identifies more images than chance, or surely reconstructs more than the mean image.

    Example:
        >>> Promise("(eps, delta)-local DP per release", epsilon=1.0, delta=1e-5).epsilon
        1.0
    """

    guarantee: str = "none"
    epsilon: float | None = None
    delta: float | None = None
    gaussian_reach: float | None = None
    laplacian_reach: float | None = None
    pair_error: float | None = None
    secrecy: bool = False


@dataclass(frozen=True)
class Exchange:
    """Describe everything that happens between sending the wire and reading the logits.

    Attributes:
        logits: The logits (N, classes), as the client reads them.
        client_ms: Milliseconds of computation on the device after it has sent the wire.
        server_ms: Milliseconds of computation in the cloud.
        more_bytes_up: Bytes that the device sends after the wire.
        bytes_down: Bytes that the server sends back.
        rounds: Messages that the device sends for one image, each of which waits for an answer, including the wire.

    Example:
        >>> exchange = Exchange(torch.zeros(2, 10), client_ms=0, server_ms=1.5, more_bytes_up=0, bytes_down=80)
        >>> exchange.logits.shape
        torch.Size([2, 10])
    """

    logits: Tensor
    client_ms: float
    server_ms: float
    more_bytes_up: int
    bytes_down: int
    rounds: int = 1


@dataclass(frozen=True, kw_only=True)
class SplitModel:
    """Hold a client, a server, and the channels between them.

    A defense that changes the protocol between client and server, such as encryption, returns a subclass that
    overrides ``send``, ``exchange`` and, if batches are cheaper than single images, ``classify``. If the adversary sees
    more than what is sent, the subclass overrides ``overheard``, too; if it keeps layers behind the wire on the device,
    ``in_cloud`` and ``tail``.

    Attributes:
        client: Named layers on the device. The first is the normalization.
        server: Named layers in the cloud.
        input_channel: The channel that is applied to the images before the client.
        ir_channel: The channel that is applied to the IR before it is sent.
        promise: What the defense guarantees.
        accuracy_images: The number of private images on which accuracy is measured. None means all of them.
        places: The places between the layers of the network, with all their names. They are empty if nothing but the
            names of the layers is known.
        shared: Pairs of a weight of the client and its copy on the server, of weights that layers on both sides use.

    Example:
        >>> client, server = nn.Sequential(nn.Flatten(), nn.Linear(64, 16)), nn.Sequential(nn.ReLU(), nn.Linear(16, 10))
        >>> model = SplitModel(client=client, server=server)
        >>> wire = model.send(torch.rand(2, 1, 8, 8))
        >>> wire.nbytes
        128
        >>> model.answer(wire).shape
        torch.Size([2, 10])
    """

    client: nn.Sequential
    server: nn.Sequential
    input_channel: Channel = field(default_factory=Channel)
    ir_channel: Channel = field(default_factory=Channel)
    promise: Promise = Promise()
    accuracy_images: int | None = None
    places: tuple[Place, ...] = field(default=(), repr=False)
    shared: tuple[tuple[Tensor, Tensor], ...] = field(default=(), repr=False)

    def __post_init__(self) -> None:
        """Refuse parts of other types.

        Raises:
            TypeError: If a part is of another type, or does not call super().__init__().
            ValueError: If accuracy is to be measured on less than one image.
        """
        parts = {"client": nn.Module, "server": nn.Module, "input_channel": Channel, "ir_channel": Channel}
        for name, kind in parts.items():
            part = getattr(self, name)
            if not isinstance(part, kind):
                given = f"the class {part.__name__}" if isinstance(part, type) else type(part).__name__
                raise TypeError(
                    f"Expected {name} to be of type {kind.__name__}, got {given}. Give an object of a subclass of "
                    f"{kind.__name__}."
                )
            if not hasattr(part, "_modules"):
                raise TypeError(
                    f"Expected {type(part).__name__}.__init__ to call super().__init__() first, got no such call. "
                    "Add it."
                )
        if self.accuracy_images is not None and self.accuracy_images < 1:
            raise ValueError(
                f"Expected accuracy_images of at least 1, got {self.accuracy_images}. Leave it out to use all images."
            )

    def send(self, images: Tensor) -> Wire:
        """Run the client on images (N, C, H, W) in [0, 1] and return the wire that leaves the device, of N entries."""
        with torch.no_grad():
            sent = self.ir_channel(self.client(self.input_channel(images)))
        return Wire(sent, packed=self.ir_channel.packed_bytes(sent))

    def overheard(self, images: Tensor) -> Wire:
        """Return what the adversary sees of images (N, C, H, W): the sent wire, unless a subclass reveals more."""
        return self.send(images)

    def exchange(self, wire: Wire) -> Exchange:
        """Run the server on a wire and let the client read the result. Call it once for each wire.

        The server is given numbers as they were sent, and what the channel reads from byte strings.
        """
        with timed_ms(self.device) as elapsed, torch.no_grad():
            logits = self.server(wire.payload if isinstance(wire.payload, Tensor) else self.ir_channel.read(wire))
        return Exchange(logits, client_ms=0, server_ms=elapsed.ms, more_bytes_up=0, bytes_down=logits.nbytes)

    def answer(self, wire: Wire) -> Tensor:
        """Return the logits (N, classes) for a wire of N entries."""
        return self.exchange(wire).logits

    def classify(self, images: Tensor) -> Tensor:
        """Send a batch of images (N, C, H, W) in [0, 1] over the wire and return their logits (N, classes)."""
        return self.answer(self.send(images))

    def details(self, images: Tensor, labels: Tensor, logits: Tensor) -> dict[str, float]:
        """Return further figures of this model for the record, by name, with units in the names.

        Args:
            images: The images on which accuracy was measured, (N, C, H, W) in [0, 1].
            labels: The labels of these images, (N,).
            logits: The logits that ``classify`` returned for these images, (N, classes).
        """
        return {}

    def logits(self, images: Tensor) -> Tensor:
        """Return logits (N, classes) that are differentiable, for training through the channels.

        Byte strings are not differentiable. The server is given the clean value in their place.
        """
        value = self.client(self.input_channel(images))
        sent = self.ir_channel(value)
        return self.server(sent if isinstance(sent, Tensor) else self.ir_channel.clean(value))

    @property
    def on_device(self) -> nn.Sequential:
        """The layers whose costs the device bears: all of ``client``, unless a subclass runs some of it elsewhere."""
        return self.client

    @property
    def in_cloud(self) -> nn.Module:
        """The layers whose weights an adversary in the cloud knows: all of ``server``, unless a subclass hides some."""
        return self.server

    @property
    def tail(self) -> nn.Module | None:
        """Layers that turn what ``in_cloud`` returns into outputs, as the adversary would build them; None if none do.

        The device runs them. The adversary gets an untrained copy.
        """
        return None

    @property
    def stochastic(self) -> bool:
        """Whether sending one image twice gives two different wires."""
        return self.input_channel.stochastic or self.ir_channel.stochastic

    @property
    def device(self) -> torch.device:
        """The device of the weights. The CPU if the model has no weights."""
        parts = self.modules()
        return next((each.device for each in (*parts.parameters(), *parts.buffers())), torch.device("cpu"))

    def copy(self) -> SplitModel:
        """Return a deep copy, which shares no weights with this model."""
        return copy.deepcopy(self)

    def modules(self) -> nn.ModuleList:
        """Return all parts, to move or freeze them or to switch between training and evaluation."""
        return nn.ModuleList([self.client, self.server, self.input_channel, self.ir_channel])

    def moved_behind(self, layer: str) -> SplitModel:
        """Return the same network, cut behind another layer. It shares the weights of this model.

        Of weights that layers on both sides of a cut use, the server has a copy.

        Raises:
            ValueError: If a layer of the client and one of the server have the same name.
        """
        originals: dict[int, Any] = {id(copied): weight for weight, copied in self.shared}
        whole = copy.deepcopy(self.server, originals) if self.shared else self.server
        client, server = OrderedDict(self.client.named_children()), OrderedDict(whole.named_children())
        if both := sorted(client.keys() & server.keys()):
            raise ValueError(f"Expected layers with different names, got {both[0]!r} in the client and in the server.")
        layers = OrderedDict([*client.items(), *server.items()])
        names = list(layers)
        cut = names.index(child_name(layer)) + 1
        here, there = (nn.Sequential(OrderedDict((n, layers[n]) for n in part)) for part in (names[:cut], names[cut:]))
        there, shared = _apart(here, there)
        return replace(self, client=here, server=there, shared=shared)
