"""The split model without any defense."""

from __future__ import annotations

from typing import ClassVar

from ..benchmark.interfaces import Defense, ImageSet, SplitModel


class Undefended(Defense):
    """Send the unchanged IR: the reference to which every defense is compared.

    Example: ``mia-bench run --defense undefended --attack ridge``

    Source: He, Zhang, Lee, ACSAC 2019.
    """

    guarantee: ClassVar[str] = "none"

    def protect(self, model: SplitModel, train: ImageSet) -> SplitModel:
        """Return a copy of the model."""
        return model.copy()
