"""More layers of the network on the device."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field, model_validator

from ..benchmark.errors import Inapplicable, UsageError
from ..benchmark.interfaces import Defense, ImageSet, SplitModel
from ._exclusive_parameters import require_one, settle_alternatives
from ._layers import client_layers, server_layers


class DeeperClient(Defense):
    """Move the split to a deeper layer, so that the device computes more and sends a more abstract IR.

    The predictions do not change. If the split moves to the last layer, the device computes the whole network and sends
    the logits.

    Example: ``mia-bench run --defense deeper_client --layers 1,2,4``

    Source: He, Zhang, Lee, ACSAC 2019, section 7.
    """

    guarantee: ClassVar[str] = "none"

    layers: int | None = Field(1, ge=1, description="number of layers by which the split moves; excludes to")
    to: str | None = Field(None, description="name of the last layer on the device; excludes layers")

    @model_validator(mode="before")
    @classmethod
    def _settle(cls, data: Any) -> Any:
        return settle_alternatives(data, default="layers", alternative="to")

    @model_validator(mode="after")
    def _check(self) -> DeeperClient:
        require_one(self, "layers", "to")
        return self

    def protect(self, model: SplitModel, train: ImageSet) -> SplitModel:
        """Return a copy of the model with a deeper split.

        Raises:
            Inapplicable: If too few layers follow the split, or the named layer does not follow it.
            UsageError: If the network has no layer of that name.
        """
        return model.copy().moved_behind(self._destination(model))

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
        if self.to not in here + ahead:
            raise UsageError(f"Unknown layer {self.to!r} in to. Choose one of the layers: {', '.join(here + ahead)}.")
        if self.to not in ahead:
            raise Inapplicable(
                f"Expected a layer after the split {here[-1]!r} in to, got {self.to!r}. "
                f"Available: {', '.join(ahead) or 'none'}."
            )
        return self.to
