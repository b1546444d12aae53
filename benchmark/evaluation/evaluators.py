"""The evaluation classifiers of a run, which judge whether reconstructions are recognized as their class."""

from __future__ import annotations

import logging
from typing import Any, cast

import torch

from ..metrics import accuracy
from ..metrics.evaluation_classifier import RECIPE, EvaluationClassifier, classify, train_evaluator
from ..registry.specs import ResolvedComponent
from ..utils.cache import Cached
from ..utils.keep_latest import keep_latest
from ..utils.seeding import seeded
from .pool_loader import PoolLoader
from .weights import load_or_train

logger = logging.getLogger(__name__)


class EvaluatorStore:
    """Makes the evaluation classifier of a dataset, trained or from the cache, and keeps the latest one.

    Example:
        >>> EvaluatorStore(pools, device=device, cached=cached_tensors).accuracy(dataset, 64)  # doctest: +SKIP
    """

    def __init__(self, data: PoolLoader, *, device: torch.device, cached: Cached) -> None:
        """Set the store up.

        Args:
            data: Gives the pools of datasets.
            device: Where classifiers are trained and kept.
            cached: Keeps their weights.
        """
        self._data, self._device, self._cached = data, device, cached

    @keep_latest(1)
    def get(self, dataset: ResolvedComponent) -> EvaluationClassifier:
        """Return a classifier that is ready for use: on the device, frozen, in evaluation mode."""
        facts, identity = self._data.facts(dataset), self.identity(dataset)
        with seeded("evaluator", identity):
            evaluator = EvaluationClassifier(facts.image_shape[0], facts.classes).to(self._device)

            def train() -> None:
                logger.info("Training the evaluator on %s.", dataset.label)
                train_evaluator(evaluator, self._data.pools(dataset).train)

            loaded = load_or_train(
                evaluator,
                "evaluators",
                identity,
                train=train,
                cached=self._cached,
                what=f"the evaluator on {dataset.label}",
                remedy="Check the images and labels of this dataset, or choose another.",
            )
            return cast(EvaluationClassifier, loaded)

    @keep_latest(1)
    def accuracy(self, dataset: ResolvedComponent, count: int) -> float:
        """Measure the accuracy of the classifier on the first ``count`` private images, which no defense changes."""
        known = self._data.pools(dataset).private[:count]
        return accuracy(classify(self.get(dataset), known.images), known.labels)

    def identity(self, dataset: ResolvedComponent) -> dict[str, Any]:
        """Return all values that determine the weights."""
        facts = self._data.facts(dataset)
        return {"recipe": RECIPE, "data": facts.fingerprint, "classes": facts.classes}
