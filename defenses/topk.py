"""Only the largest coordinates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor

from ..benchmark.interfaces import Channel, Defense, ImageSet, SplitModel
from ._fine_tuning import PASSES, tune_server


class _LargestOnly(Channel):
    """Keeps a share of each image's coordinates, the largest ones by magnitude, and zeroes the others."""

    def __init__(self, kept: float) -> None:
        super().__init__()
        self.kept = kept

    def forward(self, value: Tensor) -> Tensor:
        """Zero all but the largest coordinates of each value (N, ...)."""
        flat = value.flatten(1)  # (N, K)
        largest = flat.detach().abs().topk(self._count(value), dim=1).indices
        mask = torch.zeros_like(flat).scatter_(1, largest, 1.0)
        return (flat * mask).view_as(value)

    def packed_bytes(self, sent: Tensor) -> int:
        """A bitmap of the kept coordinates, and each of them in four bytes: the same for every image."""
        return (sent[0].numel() + 7) // 8 + 4 * self._count(sent)

    def distance(self, value: Tensor, sent: Tensor) -> Tensor:
        """Squared error, (N,), where a zero only says that the coordinate was no larger than the smallest one kept."""
        flat, arrived = value.flatten(1), sent.flatten(1)  # (N, K)
        smallest = arrived.abs().topk(self._count(sent), dim=1).values[:, -1:]  # (N, 1)
        error = torch.where(arrived != 0, flat - arrived, (flat.abs() - smallest).clamp(min=0))
        return error.square().sum(1)

    def _count(self, value: Tensor) -> int:
        """How many coordinates of one value are kept, at least one."""
        return max(1, round(self.kept * value[0].numel()))


class Topk(Defense):
    """Sends only the largest coordinates of each image's IR, by magnitude.

    The server is fine-tuned to the zeros. What is kept arrives exactly, and what is not is known to be small, so an
    attacker who leaves the zeros out of the loss still learns much; nothing is promised. Swept over 0.5, 0.3, 0.1
    and 0.05. The coordinates are chosen image by image: over the batch, as in public code, one image's wire would
    depend on the others.

    Source: the pruning defense in the code of Li et al., CVPR 2022, "ResSFL".
    """

    version: ClassVar[int] = 2
    stronger_with: ClassVar[Mapping[str, Literal[1, -1]]] = {"kept": -1}
    guarantee: ClassVar[str] = "none"

    kept: float = Field(0.1, gt=0, le=1, description="share of the coordinates that is sent, at least one of them")
    tuning_epochs: int = Field(1, ge=0, description=f"{PASSES}; 0: no tuning")

    def protect(self, model: SplitModel, train: ImageSet) -> SplitModel:
        """Put the selection behind the client and tune the server to it.

        Raises:
            Inapplicable: if the server is to be tuned and has no weights.
        """
        protected = replace(model.copy(), ir_channel=_LargestOnly(self.kept))
        if self.tuning_epochs:
            tune_server(protected, train, epochs=self.tuning_epochs)
        return protected
