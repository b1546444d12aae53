"""Removal of the high frequencies of the image."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar, Literal

from pydantic import Field
from torch import Tensor

from ..benchmark.interfaces import Channel, Defense, ImageSet, SplitModel
from ..benchmark.training import EPOCHS_HELP, tune_server
from ..benchmark.utils.cosines import cosines


class _LowFrequencies(Channel):
    """Keep the lowest frequencies of each axis of an image, a fixed share of them."""

    def __init__(self, kept: float) -> None:
        super().__init__()
        self.kept = kept

    def clean(self, value: Tensor) -> Tensor:
        """Project images (N, C, H, W) onto the low frequencies."""
        return self._projection(value.shape[2], value) @ value @ self._projection(value.shape[3], value)

    def forward(self, value: Tensor) -> Tensor:
        """Project images (N, C, H, W) onto the low frequencies."""
        return self.clean(value)

    def _projection(self, size: int, like: Tensor) -> Tensor:
        kept = cosines(size, like=like)[: max(1, round(self.kept * size))]
        return kept.T @ kept


class Lowpass(Defense):
    """Remove the high frequencies of the image before the layers of the client, and fine-tune the server to it.

    The client computes f1(Px), where P keeps the share ``kept`` of the frequencies of the discrete cosine transform on
    each axis. What is removed cannot be reconstructed from the wire, but an attacker with a prior adds plausible
    details. The low frequencies remain as exposed as before, and people recognize much in them. There is no guarantee.
    This is the baseline of defenses that filter the image. Recommended sweep: 0.5, 0.25, 0.125.

    Example: ``mia-bench run --defense lowpass --kept 0.5,0.25,0.125``

    Source: the first stage of "InfoDecom" (arXiv 2511.13365, 2025), which removes high frequencies of the input; Ahmed,
    Natarajan, Rao, IEEE Transactions on Computers 1974, "Discrete cosine transform".
    """

    version: ClassVar[int] = 1
    stronger_with: ClassVar[Mapping[str, Literal[1, -1]]] = {"kept": -1}
    guarantee: ClassVar[str] = "none"

    kept: float = Field(
        0.25, gt=0, le=1, description="share of the frequencies on each axis that is kept, at least one"
    )
    tuning_epochs: int = Field(1, ge=0, description=f"{EPOCHS_HELP}; 0 does not fine-tune")

    def protect(self, model: SplitModel, train: ImageSet) -> SplitModel:
        """Return a copy of the model that filters its images, with the server fine-tuned.

        Raises:
            Inapplicable: If the server is to be fine-tuned and has no weights.
        """
        protected = replace(model.copy(), input_channel=_LowFrequencies(self.kept))
        if self.tuning_epochs:
            tune_server(protected, train, epochs=self.tuning_epochs)
        return protected
