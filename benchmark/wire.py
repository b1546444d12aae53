"""What crosses the network."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Wire:
    """What an eavesdropper records for N images.

    Attributes:
        payload: a tensor (N, ...), or N byte strings.
    """

    payload: Tensor | tuple[bytes, ...]

    def __len__(self) -> int:
        """Count the images."""
        return len(self.payload)

    def copy(self) -> Wire:
        """The same payload in memory of its own."""
        return Wire(self.payload.clone() if isinstance(self.payload, Tensor) else self.payload)

    @property
    def nbytes(self) -> int:
        """Bytes that crossed the network for all N images."""
        if isinstance(self.payload, Tensor):
            return self.payload.numel() * self.payload.element_size()
        return sum(len(message) for message in self.payload)

    @property
    def tensor(self) -> Tensor:
        """The payload as numbers, (N, ...) float32; of byte strings, their bytes over 255, cut to the shortest."""
        if isinstance(self.payload, Tensor):
            return self.payload
        length = min(len(message) for message in self.payload)
        flat = torch.frombuffer(bytearray(b"".join(message[:length] for message in self.payload)), dtype=torch.uint8)
        return flat.view(len(self.payload), length).float() / 255  # (N, length)
