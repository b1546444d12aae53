"""More layers on the device."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field, model_validator

from ..benchmark.errors import Inapplicable, UsageError
from ..benchmark.interfaces import Defense, ImageSet, SplitModel
from ._exclusive_parameters import require_one, settle_alternatives
from ._layers import client_layers, server_layers


class DeeperClient(Defense):
    """Moves the split to a deeper layer, so that the device computes more and sends a more abstract IR.

    The predictions stay the same. The split may be moved as far as the last layer; then all is computed on the
    device and the wire carries the logits.

    Source: He, Zhang, Lee, ACSAC 2019, section 7.
    """

    guarantee: ClassVar[str] = "none"

    layers: int | None = Field(1, ge=1, description="how many layers deeper; excludes to")
    to: str | None = Field(None, description="name of the layer to split behind; excludes layers")

    @model_validator(mode="before")
    @classmethod
    def _settle(cls, data: Any) -> Any:
        return settle_alternatives(data, default="layers", alternative="to")

    @model_validator(mode="after")
    def _check(self) -> DeeperClient:
        require_one(self, "layers", "to")
        return self

    def protect(self, model: SplitModel, train: ImageSet) -> SplitModel:
        """Move the split.

        Raises:
            Inapplicable: if there are too few layers behind the split, or the named one is not behind it.
            UsageError: if there is no layer of that name.
        """
        return model.copy().moved_behind(self._destination(model))

    def _destination(self, model: SplitModel) -> str:
        """Name of the layer to split behind."""
        here, ahead = list(client_layers(model)), list(server_layers(model))
        if self.to is None:
            assert self.layers is not None
            if self.layers > len(ahead):
                raise Inapplicable(
                    f"cannot move {self.layers} layers deeper: {len(ahead)} follow the split {here[-1]!r}"
                )
            return ahead[self.layers - 1]
        if self.to not in here + ahead:
            raise UsageError(
                f"there is no layer {self.to!r} to move the split to; the layers are {', '.join(here + ahead)}"
            )
        if self.to not in ahead:
            raise Inapplicable(
                f"the layer {self.to!r} is not deeper than the split {here[-1]!r}; "
                f"deeper ones are {', '.join(ahead) or 'none'}"
            )
        return self.to
