"""The targets of a run: trained, taken from the cache, or given with their weights."""

from __future__ import annotations

import copy
import logging
from dataclasses import replace
from typing import Any, cast

import torch
from torch import Tensor, nn

from ..errors import UsageError, reason_of
from ..interfaces import Dataset, Model, Normalize, Pools, Target, Training
from ..plan.cells import Setting
from ..registry.specs import ResolvedComponent
from ..training import RECIPE_VERSION, add_biases, train_head, train_target
from ..utils.cache import Cached, is_cached
from ..utils.isolation import isolated
from ..utils.keep_latest import keep_latest
from ..utils.plurals import count_of
from .outputs import expected_outputs, refuse_outputs, relabeled
from .pool_loader import PoolLoader
from .protection import sample_images
from .utility import Answers
from .weights import load_or_train

logger = logging.getLogger(__name__)

REMEDIES = {
    False: "Give trained weights, normalize the images or features, or use a smaller network.",
    True: "Normalize the images as the given weights expect them, or choose another network.",
}
"""What to do if a training diverges, by whether only the last layer is trained."""


class TargetStore:
    """Makes the target of a dataset, a model and a seed, and keeps the latest one.

    A model whose ``given_weights`` is not None is taken as ``build`` returns it, but for its last layer if it
    ``retrains_head``. Any other is trained once by the recipe of ``training.train_target``, and then comes from the
    cache.

    Example:
        >>> TargetStore(pools, device=device, cached=cached_tensors).get(dataset, model, 0)  # doctest: +SKIP
    """

    def __init__(self, data: PoolLoader, *, device: torch.device, cached: Cached) -> None:
        """Set the store up.

        Args:
            data: Gives the pools of datasets.
            device: Where targets are trained and kept.
            cached: Keeps the weights of trained ones.
        """
        self._data, self._device, self._cached = data, device, cached

    @keep_latest(1)
    def get(self, dataset: ResolvedComponent, model: ResolvedComponent, seed: int) -> Target:
        """Return a target that is ready for use: on the device, frozen, in evaluation mode."""
        identity = self.identity(dataset, model, seed)
        with isolated("target", identity):
            target = self._build(dataset, model).to(self._device)
            if is_given(model):
                return target.eval().requires_grad_(False)
            training, train_pool = self._training(dataset), self._data.pools(dataset).train
            learns = train_head if cast(Model, model.component).retrains_head else train_target
            what = f"{'the last layer of ' if learns is train_head else ''}{model.label}"

            def train() -> None:
                epochs = count_of(training.epochs, "epoch")
                logger.info("Training %s on %s for %s.", what, dataset.label, epochs)
                learns(target, train_pool, training)

            loaded = load_or_train(
                target,
                "weights",
                identity,
                train=train,
                cached=self._cached,
                what=what,
                remedy=REMEDIES[learns is train_head],
            )
            return cast(Target, loaded)

    @keep_latest(None)
    def structure(self, dataset: ResolvedComponent, model: ResolvedComponent) -> Target:
        """Return the network of a target before any training, on the CPU; it is tried on two images.

        Raises:
            UsageError: If the model cannot be built, cannot take the images, or does not give the outputs of the task.
        """
        facts = self._data.facts(dataset)
        shape, outputs = facts.image_shape, self.outputs(dataset, model)
        images, target = torch.stack([torch.zeros(shape), torch.ones(shape)]), None
        try:
            with isolated("build", model.identity):
                target = self._build(dataset, model).eval()  # training mode cannot normalize a batch of one image
                with torch.no_grad():
                    answer = target(images)
                if model.entry.foreign:
                    _refuse_shared(model, shape)
        except UsageError:
            raise
        except (Exception, SystemExit) as error:
            remedy = "Choose another model or another size of images."
            if target is not None and "mean" in type(model.component).model_fields and _takes(target.layers, images):
                remedy = "It takes images in [0, 1], but is given normalized ones. Add mean=0,std=1 to the model."
            raise UsageError(
                f"Expected a model for the {shape} images of {dataset.label}, got {model.label}, which fails "
                f"({reason_of(error)}). {remedy}"
            ) from error
        refuse_outputs(answer, outputs, dataset.label, model.label)
        return target

    def outputs(self, dataset: ResolvedComponent, model: ResolvedComponent) -> int:
        """Return how many outputs the network needs for its task; 0 where images have no labels.

        Raises:
            UsageError: If it would have to be trained without labels, or only some classes are among its categories.
        """
        return expected_outputs(self._data.facts(dataset), cast(Model, model.component), dataset.label, model.label)

    def has_class_outputs(self, dataset: ResolvedComponent, model: ResolvedComponent) -> bool:
        """Return whether the network gives logits of classes, of which the largest is its answer."""
        facts = self._data.facts(dataset)
        if facts.task != "unlabeled":
            return facts.task == "classification"
        known = cast(Model, model.component).has_class_outputs
        shape = self.output_shape(dataset, model)
        return len(shape) == 1 and shape != (1,) if known is None else known

    @keep_latest(None)
    def output_shape(self, dataset: ResolvedComponent, model: ResolvedComponent) -> tuple[int, ...]:
        """Return the shape of the outputs for one image, (classes,) for classification."""
        image = torch.zeros(1, *self._data.facts(dataset).image_shape)
        with torch.no_grad():
            return tuple(self.structure(dataset, model)(image).shape[1:])

    def pools(self, dataset: ResolvedComponent, model: ResolvedComponent) -> Pools:
        """Return the pools with labels that are positions of the network's outputs, if these have names."""
        return relabeled(self._data.pools(dataset), cast(Model, model.component), self.outputs(dataset, model))

    @keep_latest(2)
    def answers(
        self, dataset: ResolvedComponent, model: ResolvedComponent, seed: int, images: int | None = None
    ) -> Answers:
        """Return a target's outputs for the private pool, or for a sample of so many images."""
        test = sample_images(self.pools(dataset, model).private, images)
        target = copy.deepcopy(self.get(dataset, model, seed))
        with isolated("accuracy undefended", model.identity, seed):
            return Answers(target, test, classes=self.has_class_outputs(dataset, model))

    def identity(self, dataset: ResolvedComponent, model: ResolvedComponent, seed: int) -> dict[str, Any]:
        """Return all values that determine the weights of a target."""
        facts = self._data.facts(dataset)
        shared = {"data": facts.fingerprint, "classes": facts.classes, "model": model.identity}
        if is_given(model):
            return {**shared, "given": cast(Model, model.component).given_weights}
        training = self._training(dataset).identity
        return {"recipe": RECIPE_VERSION, "training": training, **shared, "seed": seed}

    def is_ready(self, setting: Setting) -> bool:
        """Return whether the target of a setting needs no training: it is in the cache, or its weights are given."""
        whole = (setting.dataset, setting.model, setting.seed)
        return is_given(setting.model) or is_cached("weights", self.identity(*whole))

    def _training(self, dataset: ResolvedComponent) -> Training:
        """Return how a target is trained. Images whose labels are numbers, such as positions, are not moved."""
        training = cast(Dataset, dataset.component).training
        regression = self._data.facts(dataset).task == "regression"
        return replace(training, flip=False, shift=0) if regression else training

    def _build(self, dataset: ResolvedComponent, model: ResolvedComponent) -> Target:
        facts = self._data.facts(dataset)
        layers = cast(Model, model.component).build(facts.image_shape, self.outputs(dataset, model))
        if model.entry.foreign:  # it may keep what it returns, or return it again
            layers = copy.deepcopy(layers)
        component = cast(Model, model.component)
        if component.given_weights is None:
            add_biases(layers)
        expected = component.normalization(facts.image_shape[0])
        return Target(Normalize(*(expected or self._data.channels(dataset))), layers)


@torch.no_grad()
def _takes(layers: nn.Module, images: Tensor) -> bool:
    """Return whether layers, which do not take normalized images, take those in [0, 1]."""
    try:
        layers(images)
    except Exception:  # whatever a network raises
        return False
    return True


def is_given(model: ResolvedComponent) -> bool:
    """Return whether a model brings all its weights, so that nothing of its target is trained."""
    component = cast(Model, model.component)
    return component.given_weights is not None and not component.retrains_head


def _refuse_shared(model: ResolvedComponent, shape: tuple[int, int, int]) -> None:
    """Make sure that two networks have nothing in common, or else training one would change the other."""
    first, second = (cast(Model, model.component).build(shape, 2) for _ in range(2))
    if {id(each) for each in first.parameters()} & {id(each) for each in second.parameters()}:
        raise UsageError(
            f"Expected new modules from each call of build, got the same parameters twice from model {model.label}. "
            "Create them inside build."
        )
