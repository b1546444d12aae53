"""No defense."""

from __future__ import annotations

from typing import ClassVar

from ..benchmark.interfaces import Defense, ImageSet, SplitModel


class Undefended(Defense):
    """Sends the IR as it is: the reference that every defense is compared with.

    Source: He, Zhang, Lee, ACSAC 2019.
    """

    guarantee: ClassVar[str] = "none"

    def protect(self, model: SplitModel, train: ImageSet) -> SplitModel:
        """Copy the model."""
        return model.copy()
