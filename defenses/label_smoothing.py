"""Training with smoothed labels."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field
from torch import Tensor
from torch.nn import functional

from ..benchmark.errors import Inapplicable
from ..benchmark.interfaces import Defense, ImageSet, SplitModel
from ..benchmark.training import EPOCHS_HELP, train_jointly


class LabelSmoothing(Defense):
    """Continue the training of client and server with smoothed labels, which draws the IRs of a class together.

    The labels are 1 - ``smoothing`` for the class plus ``smoothing`` divided equally among all classes. Nothing in this
    training opposes an attacker: what is measured is whether IRs that vary less within a class reveal less. There is no
    guarantee. Recommended sweep: 0.1, 0.3, 0.5.

    Example: ``mia-bench run --defense label_smoothing --smoothing 0.1,0.3,0.5``

    Source: Szegedy et al., CVPR 2016, "Rethinking the Inception architecture"; as protection of a split, "Golden
    Partition Zone" (arXiv 2506.15412, 2025).
    """

    version: ClassVar[int] = 1
    guarantee: ClassVar[str] = "none"

    smoothing: float = Field(0.3, ge=0, lt=1, description="probability that is divided equally among all classes")
    tuning_epochs: int = Field(2, ge=1, description=EPOCHS_HELP)

    def protect(self, model: SplitModel, train: ImageSet) -> SplitModel:
        """Return a copy of the model, trained with smoothed labels.

        Raises:
            Inapplicable: If the client has no weights, or the labels are not classes.
        """
        if train.task != "classification":
            raise Inapplicable(f"Expected labels that are classes, got the task {train.task!r}. Use nopeek or vib.")
        protected = model.copy()

        def loss(_images: Tensor, labels: Tensor, _ir: Tensor, logits: Tensor) -> Tensor:
            return functional.cross_entropy(logits, labels, label_smoothing=self.smoothing)

        train_jointly(protected, train, loss, epochs=self.tuning_epochs, task_loss=False)
        return protected
