"""The data that cross the network."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import cast

import torch
from torch import Tensor


def byte_view(messages: tuple[bytes, ...]) -> Tensor:
    r"""Return the bytes of N messages divided by 255, cut to the shortest message, (N, length) float32 in [0, 1].

    Example:
        >>> byte_view((b"\x00\xff", b"\xff\x00\x00"))
        tensor([[0., 1.],
                [1., 0.]])
    """
    length = min(len(message) for message in messages)
    flat = torch.frombuffer(bytearray(b"".join(message[:length] for message in messages)), dtype=torch.uint8)
    return flat.view(len(messages), length).float() / 255


def length_view(messages: tuple[bytes, ...]) -> Tensor:
    r"""Return the lengths of N messages, in blocks of 16 bytes, and their bytes by ``byte_view``, (N, 1 + length).

    An eavesdropper sees lengths, too, which may differ by what is sent. In blocks they weigh as much as many bytes.

    Example:
        >>> length_view((b"\x00\xff", b"\xff\x00\x00"))[:, 0]
        tensor([0.1250, 0.1875])
    """
    lengths = torch.tensor([[len(message)] for message in messages]) / 16
    return torch.cat([lengths, byte_view(messages)], dim=1)


@dataclass(frozen=True)
class Wire:
    """Hold what an eavesdropper records for N images.

    Attributes:
        payload: A dense tensor of any type, (N, ...) with at least one number for each image, or N byte strings.
        view: A function that reads byte strings as numbers, (N, ...) float32, as anyone who knows the format can. By
            default these are the bytes themselves. Attacks get their lengths in addition.
        packed: The bytes that are sent for one image, if the numbers are coded in fewer bytes than the tensor takes.

    Example:
        >>> wire = Wire(torch.zeros(2, 16))
        >>> len(wire), wire.nbytes
        (2, 128)
        >>> Wire((b"ab", b"cd")).tensor.shape
        torch.Size([2, 2])
        >>> Wire(torch.tensor([[True], [False]])).tensor
        tensor([[1.],
                [0.]])
    """

    payload: Tensor | tuple[bytes, ...]
    view: Callable[[tuple[bytes, ...]], Tensor] = byte_view
    packed: int | None = None

    @classmethod
    def join(cls, wires: Sequence[Wire]) -> Wire:
        """Concatenate wires of the same kind. Expects at least one."""
        payloads = [wire.payload for wire in wires]
        if isinstance(payloads[0], Tensor):
            return replace(wires[0], payload=torch.cat(cast(list[Tensor], payloads)))
        return replace(wires[0], payload=sum(cast(list[tuple[bytes, ...]], payloads), ()))

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.payload)

    def copy(self) -> Wire:
        """Return a wire whose payload shares no memory with this one."""
        return replace(self, payload=self.payload.clone()) if isinstance(self.payload, Tensor) else self

    @property
    def nbytes(self) -> int:
        """The number of bytes that crossed the network for all N images."""
        if self.packed is not None:
            return self.packed * len(self)
        if isinstance(self.payload, Tensor):
            return self.payload.numel() * self.payload.element_size()
        return sum(len(message) for message in self.payload)

    @property
    def tensor(self) -> Tensor:
        """The payload as numbers, (N, ...) float32. Complex numbers are their real parts, then their imaginary ones."""
        if not isinstance(self.payload, Tensor):
            return self.view(self.payload)
        if self.payload.is_complex():
            return torch.cat([self.payload.real, self.payload.imag], dim=1).float()
        return self.payload.float()
