"""What the adversary has, and what it may use."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from torch import Tensor, nn

from .channel import Channel
from .images import ImageSet
from .wire import Wire


class Access(StrEnum):
    """What an attack may use, beside the wire, the attacker's own images and what the defense publishes."""

    WHITE_BOX = "white_box"
    """The client's weights; queries too, since whoever holds the client can run it."""
    BLACK_BOX = "black_box"
    """Queries: any image through the protected client."""
    QUERY_FREE = "query_free"
    """The server's weights, the structure of the client, and labels of the attacker's images."""

    @property
    def meaning(self) -> str:
        """What it is, in a sentence."""
        return {
            Access.WHITE_BOX: "knows the client's weights and may send any image through it",
            Access.BLACK_BOX: "may send any image through the protected client, and knows no weights",
            Access.QUERY_FREE: "knows the server's weights and the client's structure, and may not query",
        }[self]


@dataclass(frozen=True, kw_only=True)
class Observation:
    """All the adversary has; there is no field for the private images or labels.

    Attributes:
        wire: what the adversary saw of the N private images, which is what the protected client sent for them, or more.
        aux: the attacker's own images, disjoint from the private ones.
        classes: the number of classes.
        channel: what the defense publishes about the way from the clean IR to the wire.
        query: runs the protected client on (K, C, H, W) images, with fresh randomness; None if not granted.
        client: the client's layers, differentiable, without anything random; None if not granted.
        server: the server's layers; None if not granted.
        structure: builds an untrained copy of the client; None if not granted.
    """

    wire: Wire
    aux: ImageSet
    classes: int
    channel: Channel
    query: Callable[[Tensor], Wire] | None = None
    client: nn.Module | None = None
    server: nn.Module | None = None
    structure: Callable[[], nn.Module] | None = None

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Shape of one image, (C, H, W)."""
        channels, height, width = self.aux.images.shape[1:]
        return channels, height, width
