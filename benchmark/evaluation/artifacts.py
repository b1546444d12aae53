"""The work that cells share: pools, trained targets, protected models and their costs, made once per process."""

from __future__ import annotations

import copy
import logging
import time
from collections.abc import Callable
from dataclasses import asdict
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, Literal, cast

import torch
from torch import Tensor, nn

from ..errors import UsageError, message_of
from ..interfaces import (
    Attack,
    Dataset,
    Defense,
    ImageSet,
    Model,
    Normalize,
    Observation,
    Pools,
    SplitModel,
    Target,
)
from ..metrics import accuracy
from ..metrics.costs import measure_costs
from ..metrics.evaluation_classifier import RECIPE, EvaluationClassifier, classify, train_evaluator
from ..metrics.gallery_bound import GalleryBound, gallery_bound
from ..plan.cells import Setting
from ..plan.references import REFERENCE_DEFENSE
from ..registry.specs import ResolvedComponent
from ..training import RECIPE_VERSION, add_biases, train_target
from ..utils.cache import Cached, cache_path, cached_tensors, is_cached
from ..utils.fingerprints import class_means, in_neutral_order
from ..utils.isolation import isolated
from ..utils.seeding import seeded
from .observe import observe, overhear
from .pool_loader import PoolLoader
from .protection import Protected, logits_of, sample_images

logger = logging.getLogger(__name__)

Need = Literal["weights", "evaluators"]
"""What settings share that is trained, by its folder in the cache."""


class Artifacts:
    """Makes what a setting needs and keeps the latest, so that cells in the order of a plan share it."""

    def __init__(
        self,
        *,
        device: torch.device,
        data_dir: Path | None,
        load: Callable[[ResolvedComponent], Pools] | None = None,
        cached: Cached = cached_tensors,
    ) -> None:
        """Set it up.

        Args:
            device: where to compute.
            data_dir: folder of the data.
            load: gives the data in place of the dataset's own loader.
            cached: keeps what is trained.
        """
        self.device = device
        self.data_dir = data_dir
        self._cached = cached
        load = load or (lambda dataset: cast(Dataset, dataset.component).load(self.data_dir))
        data = PoolLoader(load, device)
        self.pools, self.facts, self.learn, self._channels = data.pools, data.facts, data.learn, data.channels
        self.target = lru_cache(maxsize=1)(self._train_target)
        self.accuracy_undefended = lru_cache(maxsize=1)(self._measure_undefended)
        self.structure = cache(self._build)
        self.protected = lru_cache(maxsize=1)(self._protect)
        self.evaluator = lru_cache(maxsize=1)(self._train_evaluator)
        self.evaluator_accuracy = lru_cache(maxsize=1)(self._measure_evaluator)
        self.bound = lru_cache(maxsize=4)(self._bound)
        self.class_means = lru_cache(maxsize=1)(self._average_classes)
        self._attacked = lru_cache(maxsize=1)(self._choose_attacked)

    def check(self, setting: Setting) -> str:
        """Make sure that a setting can be made, before work begins; returns the fingerprint of its data.

        Raises:
            UsageError: if the model cannot take the images or has no such split, or there are too few private images.
        """
        facts = self.facts(setting.dataset)
        self.structure(setting.dataset, setting.model).split(setting.split)
        if setting.images > facts.private:
            raise UsageError(f"--images is {setting.images}; {setting.dataset.name} has {facts.private} private images")
        return facts.fingerprint

    def prepare(self, setting: Setting) -> None:
        """Make what a setting shares with others: the data, the trained target, the evaluator."""
        for need in self.needs(setting):
            self.make(need, setting)

    def needs(self, setting: Setting) -> dict[Need, dict[str, Any]]:
        """What must be trained for a setting, and what it follows from."""
        return {
            "weights": self._target_identity(setting.dataset, setting.model, setting.seed),
            "evaluators": self._evaluator_identity(setting.dataset),
        }

    def make(self, need: Need, setting: Setting) -> None:
        """Train something that a setting needs, unless it is cached."""
        if need == "weights":
            self.target(setting.dataset, setting.model, setting.seed)
        else:
            self.evaluator(setting.dataset)

    def _build(self, dataset: ResolvedComponent, model: ResolvedComponent) -> Target:
        shape, classes = self.facts(dataset).image_shape, self.facts(dataset).classes
        try:
            with isolated("build", model.identity):
                target = self._untrained(model, dataset).eval()  # training mode cannot normalize a batch of one image
                with torch.no_grad():
                    answer = tuple(target(torch.zeros(2, *shape)).shape)
                if model.entry.foreign:
                    self._refuse_shared(model, shape)
        except UsageError:
            raise
        except (Exception, SystemExit) as error:
            raise UsageError(
                f"model {model.label} cannot take the {shape} images of {dataset.label} ({message_of(error)})"
            ) from error
        if answer != (2, classes):
            raise UsageError(
                f"Expected logits (2, {classes}) for 2 images of {dataset.label}, got {answer} from model "
                f"{model.label}. Build a network with one output for each class."
            )
        return target

    def attacked(self, setting: Setting) -> ImageSet:
        """The private images under attack, with their labels: for scoring only.

        They are the first of the pool, which has its classes in turn, in an order from which no label follows.
        """
        return self._attacked(setting.dataset, setting.images)

    def _refuse_shared(self, model: ResolvedComponent, shape: tuple[int, int, int]) -> None:
        """Make sure that two networks have nothing in common, or else training one would change the other."""
        first, second = (cast(Model, model.component).build(shape, 2) for _ in range(2))
        if {id(each) for each in first.parameters()} & {id(each) for each in second.parameters()}:
            raise UsageError(
                f"model {model.label} returns the same parameters from two calls of build; expected new modules each "
                "time. Create them inside build"
            )

    def originals(self, setting: Setting) -> Tensor:
        """The private images under attack, (N, C, H, W), in the order of the wire: for scoring only."""
        return self.attacked(setting).images

    def gallery(self, setting: Setting, size: int) -> Tensor:
        """The private images under attack, then others of the pool, (K, C, H, W), up to ``size`` images."""
        originals = self.originals(setting)
        return torch.cat([originals, self.pools(setting.dataset).private.images[len(originals) : size]])

    def sources(self, setting: Setting) -> list[int] | None:
        """The source of each private image under attack, (N,), in the order of ``originals``; None if there is none."""
        sources = self.attacked(setting).sources
        return None if sources is None else sources.tolist()

    def observe(self, setting: Setting, attack: Attack) -> Observation:
        """Hand an attack what its access grants, and nothing else.

        Raises:
            Inapplicable: if it asks for repeated wires that cannot be merged.
        """
        protected = self.protected(setting)
        with isolated("observe", setting.identity):
            return observe(
                attack,
                protected.model.copy(),
                protected.wire.copy(),
                pools=self.pools(setting.dataset),
                originals=self.originals(setting),
                identity=setting.identity,
            )

    def _choose_attacked(self, dataset: ResolvedComponent, count: int) -> ImageSet:
        return in_neutral_order(self.pools(dataset).private[:count])

    def _average_classes(self, dataset: ResolvedComponent) -> Tensor:
        """The mean image of each class in the attacker's pool, (classes, C, H, W)."""
        pools = self.pools(dataset)
        return class_means(pools.aux, len(pools.classes))

    def _untrained(self, model: ResolvedComponent, dataset: ResolvedComponent) -> Target:
        facts = self.facts(dataset)
        layers = cast(Model, model.component).build(facts.image_shape, facts.classes)
        if model.entry.foreign:  # it may keep what it returns, or return it again
            layers = copy.deepcopy(layers)
        add_biases(layers)
        return Target(Normalize(*self._channels(dataset)), layers)

    def is_trained(self, setting: Setting) -> bool:
        """Whether the target of a setting is in the cache."""
        return is_cached("weights", self._target_identity(setting.dataset, setting.model, setting.seed))

    def _target_identity(self, dataset: ResolvedComponent, model: ResolvedComponent, seed: int) -> dict[str, Any]:
        facts = self.facts(dataset)
        return {
            "recipe": RECIPE_VERSION,
            "training": asdict(cast(Dataset, dataset.component).training),
            "data": facts.fingerprint,
            "classes": facts.classes,
            "model": model.identity,
            "seed": seed,
        }

    def _evaluator_identity(self, dataset: ResolvedComponent) -> dict[str, Any]:
        facts = self.facts(dataset)
        return {"recipe": RECIPE, "data": facts.fingerprint, "classes": facts.classes}

    def _train_target(self, dataset: ResolvedComponent, model: ResolvedComponent, seed: int) -> Target:
        training = cast(Dataset, dataset.component).training
        identity = self._target_identity(dataset, model, seed)
        with isolated("target", identity):
            target = self._untrained(model, dataset).to(self.device)

            def train() -> dict[str, Tensor]:
                logger.info("training %s on %s, %d epochs", model.label, dataset.label, training.epochs)
                train_target(target, self.pools(dataset).train, training)
                return target.state_dict()

            self._fill(target, "weights", identity, train)
        return target.eval().requires_grad_(False)

    def _fill(self, module: nn.Module, need: Need, identity: Any, train: Callable[[], dict[str, Tensor]]) -> None:
        """Give a module its trained weights."""
        weights = self._cached(need, identity, train)
        given, expected = (
            {name: tuple(tensor.shape) for name, tensor in tensors.items()}
            for tensors in (weights, module.state_dict())
        )
        for name in sorted(given.keys() | expected.keys()):
            if given.get(name) != expected.get(name):
                raise UsageError(
                    f"Expected {name} to be {expected.get(name, 'absent')}, got {given.get(name, 'none')} in the "
                    f"cached file {cache_path(need, identity)}. Delete it, and raise the version of a changed model."
                )
        module.load_state_dict(weights)

    def _train_evaluator(self, dataset: ResolvedComponent) -> EvaluationClassifier:
        facts, identity = self.facts(dataset), self._evaluator_identity(dataset)
        with seeded("evaluator", identity):
            evaluator = EvaluationClassifier(facts.image_shape[0], facts.classes).to(self.device)

            def train() -> dict[str, Tensor]:
                logger.info("training the evaluator on %s", dataset.label)
                train_evaluator(evaluator, self.pools(dataset).train)
                return evaluator.state_dict()

            self._fill(evaluator, "evaluators", identity, train)
        return evaluator.eval().requires_grad_(False)

    def _measure_evaluator(self, dataset: ResolvedComponent, count: int) -> float:
        """Its accuracy on the first private images, which no cell changes."""
        known = self.pools(dataset).private[:count]
        return accuracy(classify(self.evaluator(dataset), known.images), known.labels)

    def _bound(self, setting: Setting, observations: int) -> GalleryBound | None:
        model = self.protected(setting).model
        with isolated("bound", setting.identity, observations):
            return gallery_bound(model.copy(), self.originals(setting).clone(), observations=observations)

    def _measure_undefended(self, dataset: ResolvedComponent, model: ResolvedComponent, seed: int) -> float:
        return self._undefended_accuracy(dataset, model, seed, self.pools(dataset).private)

    def _undefended_accuracy(
        self, dataset: ResolvedComponent, model: ResolvedComponent, seed: int, test: ImageSet
    ) -> float:
        target = copy.deepcopy(self.target(dataset, model, seed))
        with isolated("accuracy undefended", model.identity, seed):
            return accuracy(logits_of(target, test.images), test.labels)

    def _protect(self, setting: Setting) -> Protected:
        pools = self.pools(setting.dataset)
        whole = (setting.dataset, setting.model, setting.seed)
        undefended = self.target(*whole).split(setting.split)
        start = time.perf_counter()
        identity = setting.identity
        with isolated("protect", identity):
            model = cast(Defense, setting.defense.component).protect(undefended.copy(), pools.train.copy())
        if not isinstance(model, SplitModel):
            raise TypeError(f"the defense returned {type(model).__name__}; expected a SplitModel")
        model.modules().eval().requires_grad_(False)
        test = sample_images(pools.private, model.accuracy_images)
        if len(test) == len(pools.private):
            accuracy_undefended = self.accuracy_undefended(*whole)
        else:
            accuracy_undefended = self._undefended_accuracy(*whole, test)
        if setting.defense.name == REFERENCE_DEFENSE:
            measured, details = accuracy_undefended, {}
        else:
            measured, details = self._measure(model, test, identity)
        with isolated("wire", identity):
            wire = overhear(model, self.originals(setting))
        with isolated("costs", identity):
            costs = measure_costs(model, pools.private.images[:1].clone())
        seconds = round(time.perf_counter() - start, 3)
        chance = test.labels.bincount().max().item() / len(test)
        details = {
            "classes": len(pools.classes),
            "chance": chance,
            "bytes_down": costs.bytes_down,
            "protect_seconds": seconds,
            **details,
        }
        return Protected(model, wire, measured, accuracy_undefended, len(test), costs, details)

    def _measure(self, model: SplitModel, test: ImageSet, identity: object) -> tuple[float, dict[str, float]]:
        """Accuracy of a protected model on labelled images, and its details."""
        with isolated("accuracy", identity):
            answers = logits_of(model.classify, test.images)
            measured = accuracy(answers, test.labels)
            told = {}
            if type(model).details is not SplitModel.details:
                told = model.details(test.images.clone(), test.labels.clone(), answers)
            return measured, {name: float(value) for name, value in told.items()}
