"""Sparsification of the IR to its largest coordinates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor

from ..benchmark.interfaces import Channel, Defense, ImageSet, SplitModel
from ..benchmark.training import EPOCHS_HELP, tune_server


class _LargestOnly(Channel):
    """Keep the largest coordinates of each image by magnitude, a fixed share of them, and zero the others."""

    def __init__(self, kept: float) -> None:
        super().__init__()
        self.kept = kept

    def forward(self, value: Tensor) -> Tensor:
        """Zero all except the largest coordinates of each value (N, ...)."""
        flat = value.flatten(1)  # (N, K)
        largest = flat.detach().abs().topk(self._count(value), dim=1).indices
        others = torch.ones_like(flat, dtype=torch.bool).scatter_(1, largest, value=False)
        return flat.masked_fill(others, 0.0).view_as(value)

    def packed_bytes(self, sent: Tensor) -> int:
        """Return the bytes of one IR: four bytes for each kept coordinate, and a bitmap of them unless all are kept."""
        size, count = sent[0].numel(), self._count(sent)
        return 4 * count + ((size + 7) // 8 if count < size else 0)

    def distance(self, value: Tensor, sent: Tensor) -> Tensor:
        """Return the squared error, (N,). A zero counts as any value up to the smallest magnitude that was kept."""
        flat, arrived = value.flatten(1), sent.flatten(1)  # (N, K)
        smallest = arrived.abs().topk(self._count(sent), dim=1).values[:, -1:]  # (N, 1)
        error = torch.where(arrived != 0, flat - arrived, (flat.abs() - smallest).clamp(min=0))
        return error.square().sum(1)

    def _count(self, value: Tensor) -> int:
        """Return how many coordinates of one value are kept, at least one."""
        return max(1, round(self.kept * value[0].numel()))


class Topk(Defense):
    """Send only the largest coordinates of the IR of each image, by magnitude.

    The server is fine-tuned to the zeros. The kept coordinates are sent exactly and the others are known to be small,
    so an attacker who leaves the zeros out of the loss still learns much. There is no guarantee. Recommended sweep:
    0.5, 0.3, 0.1, 0.05. The coordinates are chosen separately for each image. If they were chosen over the batch, as in
    public code, the wire of one image would depend on the others. The wire is coded as the kept numbers and, unless all
    are kept, a bitmap of their places.

    Example: ``mia-bench run --defense topk --kept 0.5,0.3,0.1,0.05``

    Source: the pruning defense in the code of Li et al., CVPR 2022, "ResSFL".
    """

    version: ClassVar[int] = 2
    stronger_with: ClassVar[Mapping[str, Literal[1, -1]]] = {"kept": -1}
    guarantee: ClassVar[str] = "none"

    kept: float = Field(0.1, gt=0, le=1, description="share of the coordinates that is sent, at least one coordinate")
    tuning_epochs: int = Field(1, ge=0, description=f"{EPOCHS_HELP}; 0 does not fine-tune")

    def protect(self, model: SplitModel, train: ImageSet) -> SplitModel:
        """Return a copy of the model that sends the largest coordinates only, with the server fine-tuned.

        Raises:
            Inapplicable: If the server is to be fine-tuned and has no weights.
        """
        protected = replace(model.copy(), ir_channel=_LargestOnly(self.kept))
        if self.tuning_epochs:
            tune_server(protected, train, epochs=self.tuning_epochs)
        return protected
