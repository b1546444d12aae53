"""The knowledge of the adversary: the wire, and the access that an attack has."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from torch import Tensor, nn

from .channel import Channel
from .images import ImageSet
from .wire import Wire


class Access(StrEnum):
    """Name what an attack may use besides the wire, the attacker's images and what the defense publishes.

    Example:
        >>> Access("white_box").meaning
        "knows the client's weights and may send any image through it"
    """

    WHITE_BOX = "white_box"
    """The client's weights. Queries are granted as well, since anyone who has the client can run it."""
    BLACK_BOX = "black_box"
    """Queries: the attack may send any image through the protected client."""
    QUERY_FREE = "query_free"
    """The server's weights, the structure of the client, and the labels of the attacker's images."""

    @property
    def meaning(self) -> str:
        """A description of the access, as the end of a sentence that begins with the adversary."""
        return {
            Access.WHITE_BOX: "knows the client's weights and may send any image through it",
            Access.BLACK_BOX: "may send any image through the protected client, and knows no weights",
            Access.QUERY_FREE: "knows the server's weights and the client's structure, and may not query",
        }[self]


@dataclass(frozen=True, kw_only=True)
class Observation:
    """Hold everything that the adversary knows. It has no field for the private images or their labels.

    Attributes:
        wire: What the adversary saw of the N private images: what the protected client sent for them, or more.
        aux: The attacker's images, disjoint from the private ones.
        classes: The number of classes, or of labels or numbers for other tasks; 0 without labels.
        channel: What the defense publishes about how the wire follows from the IR.
        query: A function that sends images (K, C, H, W) in [0, 1] through the protected client, with fresh randomness,
            and returns a wire of K entries. None if the attack has no queries.
        input_channel: How the defense changes images at random before the client's layers. None if it changes none, not
            at random or in a way that it does not publish, or if several wires were merged: see ``unmerged``.
        client: The client's layers behind the deterministic part of what changes the images, differentiable, without
            randomness. None if the attack has no white-box access.
        layers: The client's layers alone, which map what ``input_channel`` returns to clean IRs. None if the attack has
            no white-box access.
        server: The server's layers. None if the attack may not use them.
        structure: A function that builds an untrained copy of the client: of its layers alone if ``input_channel`` is
            given, or else behind the deterministic part of what the defense publishes about changes of the images. None
            if the attack may not use it.
        tail: A function that builds untrained layers which turn what ``server`` returns into outputs. None if the
            server returns the outputs itself, as it does unless a device keeps the last layers.
        traffic: What the adversary has recorded of other users: wires of private images that are not reconstructed,
            equal none of those that are, and share no source with them. None if there are none, the attack asks for
            none, has queries, or the wire is made of byte strings.
        unmerged: What the adversary knows if ``wire`` was merged from R wires of each image, before they are merged: an
            observation of R * N wires, first one of each image, then the next one of each. Its ``query``, ``channel``
            and ``input_channel`` are those of single wires, and it has no ``traffic``. None if nothing was merged.

    Example:
        >>> import torch
        >>> aux = ImageSet(torch.rand(4, 1, 8, 8), torch.tensor([0, 1, 0, 1]))
        >>> seen = Observation(wire=Wire(torch.rand(2, 16)), aux=aux, classes=2, channel=Channel())
        >>> len(seen.wire), seen.image_shape
        (2, (1, 8, 8))
    """

    wire: Wire
    aux: ImageSet
    classes: int
    channel: Channel
    query: Callable[[Tensor], Wire] | None = None
    input_channel: Channel | None = None
    client: nn.Module | None = None
    layers: nn.Module | None = None
    server: nn.Module | None = None
    structure: Callable[[], nn.Module] | None = None
    tail: Callable[[], nn.Module] | None = None
    traffic: Wire | None = None
    unmerged: Observation | None = None

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """The shape of one image, (C, H, W)."""
        channels, height, width = self.aux.images.shape[1:]
        return channels, height, width
