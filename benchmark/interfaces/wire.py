"""What crosses the network."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import cast

import torch
from torch import Tensor


def byte_view(messages: tuple[bytes, ...]) -> Tensor:
    """The bytes of N messages over 255, cut to the shortest, (N, length) float32."""
    length = min(len(message) for message in messages)
    flat = torch.frombuffer(bytearray(b"".join(message[:length] for message in messages)), dtype=torch.uint8)
    return flat.view(len(messages), length).float() / 255


@dataclass(frozen=True)
class Wire:
    """What an eavesdropper records for N images.

    Attributes:
        payload: a tensor (N, ...), or N byte strings.
        view: how whoever knows the format reads byte strings as numbers, (N, ...) float32.
        packed: bytes of one image as really sent, where the numbers of a tensor are coded in fewer than it takes here.
    """

    payload: Tensor | tuple[bytes, ...]
    view: Callable[[tuple[bytes, ...]], Tensor] = byte_view
    packed: int | None = None

    @classmethod
    def join(cls, wires: Sequence[Wire]) -> Wire:
        """Put wires of one kind, at least one, one after the other."""
        payloads = [wire.payload for wire in wires]
        if isinstance(payloads[0], Tensor):
            return replace(wires[0], payload=torch.cat(cast(list[Tensor], payloads)))
        return replace(wires[0], payload=sum(cast(list[tuple[bytes, ...]], payloads), ()))

    def __len__(self) -> int:
        """Count the images."""
        return len(self.payload)

    def copy(self) -> Wire:
        """The same payload in memory of its own."""
        return replace(self, payload=self.payload.clone()) if isinstance(self.payload, Tensor) else self

    @property
    def nbytes(self) -> int:
        """Bytes that crossed the network for all N images."""
        if self.packed is not None:
            return self.packed * len(self)
        if isinstance(self.payload, Tensor):
            return self.payload.numel() * self.payload.element_size()
        return sum(len(message) for message in self.payload)

    @property
    def tensor(self) -> Tensor:
        """The payload as numbers, (N, ...) float32."""
        return self.payload if isinstance(self.payload, Tensor) else self.view(self.payload)
