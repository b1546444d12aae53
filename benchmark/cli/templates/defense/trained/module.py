"""A defense for mia-bench."""

from typing import ClassVar

from mia_bench import Defense, ImageSet, SplitModel, train_jointly
from pydantic import Field
from torch import Tensor


class MyComponent(Defense):
    """Trains client and server so that IRs differ little between the images of a batch.

    Source: say where the method comes from: the paper, its section and equation.
    """

    version: ClassVar[int] = 1
    guarantee: ClassVar[str] = "none"
    weight: float = Field(0.1, ge=0, description="weight of the variance of the IR in the loss")
    tuning_epochs: int = Field(1, ge=1, description="passes over the training images, of at least 100 steps each")

    def protect(self, model: SplitModel, train: ImageSet) -> SplitModel:
        """Return a trained copy; the model that is given stays as it is. The curve of the loss is logged."""
        protected = model.copy()

        def loss(images: Tensor, labels: Tensor, ir: Tensor, logits: Tensor) -> Tensor:
            """The term of this defense; the loss of the task is added to it."""
            return self.weight * ir.var(0).mean()

        train_jointly(protected, train, loss, epochs=self.tuning_epochs)
        return protected
