"""More layers of the network on the device."""

from __future__ import annotations

import logging
from typing import Annotated, Any, ClassVar, Literal

import torch
from pydantic import Field, model_validator
from torch import Tensor
from torch.nn import functional

from ..benchmark.errors import Inapplicable
from ..benchmark.interfaces import Defense, ImageSet, SplitModel
from ..benchmark.metrics.macs import count_macs
from ..benchmark.training import EPOCHS_HELP, train_jointly
from ._exclusive_parameters import require_one, settle_alternatives
from ._layers import client_layers, layer_called, server_layers
from ._pruning import prune, share_for

logger = logging.getLogger(__name__)


class DeeperClient(Defense):
    """Move the split to a deeper layer, so that the device computes more and sends a more abstract IR.

    The predictions do not change. If the split moves to the last layer, the device computes the whole network and sends
    the logits.

    With ``prune``, the device computes narrower layers: this share of the channels of each of its layers is removed,
    those with the smallest weights, and the IR shrinks with the last of them. ``prune=auto`` removes as many as make up
    for the operations of the additional layers. Client and server are then fine-tuned on the task and on the outputs of
    the given network, so the predictions change. This needs a network whose layers form a chain up to the split.

    Example: ``mia-bench run --defense deeper_client --layers 1,2,4``

    Source: He, Zhang, Lee, ACSAC 2019, section 7; depth at the same cost by pruning as in Ding et al., WACV 2024,
    "PATROL", with the criterion of Li et al., ICLR 2017.
    """

    added: ClassVar[frozenset[str]] = frozenset({"prune", "tuning_epochs"})
    guarantee: ClassVar[str] = "none"

    layers: int | None = Field(1, ge=1, description="number of layers by which the split moves; excludes to")
    to: str | None = Field(None, description="name of the last layer on the device; excludes layers")
    prune: Annotated[float, Field(ge=0, lt=1)] | Literal["auto"] = Field(
        0.0, description="share of channels of the device that is removed; auto keeps its operations constant"
    )
    tuning_epochs: int = Field(1, ge=0, description=f"{EPOCHS_HELP}, if prune is not 0")

    @model_validator(mode="before")
    @classmethod
    def _settle(cls, data: Any) -> Any:
        return settle_alternatives(data, default="layers", alternative="to")

    @model_validator(mode="after")
    def _check(self) -> DeeperClient:
        require_one(self, "layers", "to")
        return self

    def protect(self, model: SplitModel, train: ImageSet) -> SplitModel:
        """Return a copy of the model with a deeper split, and with fewer channels if ``prune`` is not 0.

        Raises:
            Inapplicable: If too few layers follow the split, the named layer does not follow it, or the layers cannot
                be pruned.
            UsageError: If the network has no layer of that name.
        """
        protected = model.copy().moved_behind(self._destination(model))
        if self.prune == 0:
            return protected
        image = train.images[:1]
        share = self.prune
        if share == "auto":
            share = share_for(protected, image, count_macs(model.client, image))
            logger.info("Removed %.3g of the channels to keep the operations of the device constant.", share)
        prune(protected, share)
        if self.tuning_epochs:
            self._tune(protected, model, train)
        return protected

    def _tune(self, protected: SplitModel, model: SplitModel, train: ImageSet) -> None:
        """Fine-tune client and server on the task, and on the outputs of the given network."""

        def distillation(images: Tensor, _labels: Tensor, _ir: Tensor, logits: Tensor) -> Tensor:
            with torch.no_grad():
                given = model.server(model.ir_channel(model.client(images)))
            return functional.mse_loss(logits, given) / given.var().clamp(min=1e-9)

        train_jointly(protected, train, distillation, epochs=self.tuning_epochs)

    def _destination(self, model: SplitModel) -> str:
        """Return the name of the last layer on the device."""
        here, ahead = list(client_layers(model)), list(server_layers(model))
        if self.to is None:
            assert self.layers is not None
            if self.layers > len(ahead):
                raise Inapplicable(
                    f"Expected at least {self.layers} layers after the split {here[-1]!r}, got {len(ahead)}. "
                    "Lower layers."
                )
            return ahead[self.layers - 1]
        found = layer_called(model, self.to, "to")
        if found not in ahead:
            raise Inapplicable(
                f"Expected a layer after the split {here[-1]!r} in to, got {self.to!r}. "
                f"Available: {', '.join(ahead) or 'none'}."
            )
        return found
