"""What cells share: pools, targets, protected models and their costs, made once per process."""

from __future__ import annotations

import copy
import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor

from ..errors import UsageError
from ..interfaces import Access, Attack, Dataset, ImageSet, Model, Observation, Pools
from ..metrics.gallery_bound import GalleryBound, gallery_bound
from ..metrics.van_trees import van_trees_mse
from ..plan.cells import Setting
from ..registry.specs import ResolvedComponent
from ..utils.cache import Cached, cached_tensors
from ..utils.fingerprints import class_means, in_neutral_order, independent_sources
from ..utils.isolation import isolated
from ..utils.keep_latest import keep_latest
from .attributes import AttributeLeak, Outputs, attribute_leak
from .evaluators import EvaluatorStore
from .image_notes import notes_on
from .observe import observe
from .outputs import data_fingerprint
from .pool_loader import Facts, PoolLoader
from .protection import Protected, protect, with_teacher
from .targets import TargetStore, is_given
from .weights import Need

logger = logging.getLogger(__name__)


class Artifacts:
    """Makes what a setting needs and keeps the latest, so that cells in the order of a plan share it.

    Attributes:
        device: Where everything is computed.
        data_dir: Folder of the data.
        data: The pools of datasets.
        targets: The undefended networks.
        evaluators: The classifiers that judge reconstructions.

    Example:
        >>> artifacts = Artifacts(device=torch.device("cpu"), data_dir=Path("data"))
        >>> artifacts.protected(cell.setting).useful.utility  # doctest: +SKIP
    """

    def __init__(
        self,
        *,
        device: torch.device,
        data_dir: Path | None,
        load: Callable[[ResolvedComponent], Pools] | None = None,
        cached: Cached = cached_tensors,
    ) -> None:
        """Set the stores up.

        Args:
            device: Where to compute.
            data_dir: Folder of the data.
            load: Gives the data in place of the dataset's own loader.
            cached: Keeps what is trained.
        """
        self.device, self.data_dir = device, data_dir
        self.data = PoolLoader(load or (lambda dataset: cast(Dataset, dataset.component).load(data_dir)), device)
        self.targets = TargetStore(self.data, device=device, cached=cached)
        self.evaluators = EvaluatorStore(self.data, device=device, cached=cached)

    def check(self, setting: Setting) -> str:
        """Make sure that a setting can be made, before work begins.

        Returns:
            The fingerprint of its data, with the labels that the model gives them.

        Raises:
            UsageError: If the model cannot take the images or has no such split, or there are too few private images.
        """
        facts = self.facts(setting.dataset)
        self.targets.structure(setting.dataset, setting.model).split(setting.split)
        if setting.images > facts.private and not setting.fewer_suffice:
            raise UsageError(
                f"Expected images to be at most {facts.private}, the private images of {setting.dataset.name}, got "
                f"{setting.images}. Choose at most as many, or add images."
            )
        return self.fingerprint(setting)

    def fingerprint(self, setting: Setting) -> str:
        """Return the fingerprint of the data of a setting, with the labels that the model gives them.

        The labels are left out for models of plug-ins, which only a worker may ask for the names of outputs.
        """
        if setting.in_worker and setting.model.is_plugin:
            return self.facts(setting.dataset).fingerprint
        return self._labeled_fingerprint(setting.dataset, setting.model)

    @keep_latest(None)
    def _labeled_fingerprint(self, dataset: ResolvedComponent, model: ResolvedComponent) -> str:
        return data_fingerprint(self.facts(dataset), cast(Model, model.component))

    def needs(self, setting: Setting) -> dict[Need, dict[str, Any]]:
        """Return what must be trained for a setting, each with the values that determine its weights."""
        needs: dict[Need, dict[str, Any]] = {}
        if self.facts(setting.dataset).task == "classification":
            needs["evaluators"] = self.evaluators.identity(setting.dataset)
        if not is_given(setting.model):
            needs["weights"] = self.targets.identity(setting.dataset, setting.model, setting.seed)
        return needs

    def make(self, need: Need, setting: Setting) -> None:
        """Train something that a setting needs, unless it is cached."""
        if need == "weights":
            self.targets.get(setting.dataset, setting.model, setting.seed)
        else:
            self.evaluators.get(setting.dataset)

    def prepare(self, setting: Setting) -> None:
        """Make what a setting shares with others: the data, the target, the evaluation classifier."""
        self.make("weights", setting)
        if self.facts(setting.dataset).task == "classification":
            self.make("evaluators", setting)

    def pools(self, dataset: ResolvedComponent) -> Pools:
        """Return the pools of a dataset, on the device."""
        return self.data.pools(dataset)

    def facts(self, dataset: ResolvedComponent) -> Facts:
        """Return the facts about a dataset that are kept when its images are not."""
        return self.data.facts(dataset)

    @keep_latest(1)
    def protected(self, setting: Setting) -> Protected:
        """Return the protected model of a setting, with its wire, utility and costs."""
        whole = (setting.dataset, setting.model, setting.seed)
        return protect(
            setting,
            undefended=self.targets.get(*whole).split(setting.split),
            pools=self.targets.pools(setting.dataset, setting.model),
            originals=self.originals(setting),
            train=self.training_images(setting),
            answers=lambda images: self.targets.answers(*whole, images),
        )

    def training_images(self, setting: Setting) -> ImageSet:
        """Return the images that a defense may train with. Without labels, the undefended network is their teacher."""
        train = replace(self.targets.pools(setting.dataset, setting.model).train, attributes=None)
        if train.task != "unlabeled":
            return train
        undefended = self.targets.get(setting.dataset, setting.model, setting.seed).split(setting.split)
        classes = self.targets.has_class_outputs(setting.dataset, setting.model)
        return with_teacher(train, undefended, class_outputs=classes)

    def observe(self, setting: Setting, attack: Attack) -> Observation:
        """Hand an attack what its access grants, and nothing else.

        Raises:
            Inapplicable: If it asks for repeated wires that cannot be merged.
        """
        protected = self.protected(setting)
        model, wire = protected.seen_model, protected.seen_wire
        if attack.access is Access.QUERY_FREE:  # it needs what the whole server is given
            model, wire = protected.model, protected.wire
        with isolated("observe", setting.identity):
            return observe(
                attack,
                model.copy(),
                wire.copy(),
                pools=self.targets.pools(setting.dataset, setting.model),
                originals=self.originals(setting),
                identity=setting.identity,
            )

    @keep_latest(4)
    def bound(self, setting: Setting, observations: int) -> GalleryBound | None:
        """Return the bound on all attacks on ``observations`` wires of each image, or None if there is none."""
        model = self.protected(setting).model
        with isolated("bound", setting.identity, observations):
            return gallery_bound(model.copy(), self.originals(setting).clone(), observations=observations)

    @keep_latest(4)
    def least_mse(self, setting: Setting, observations: int) -> float | None:
        """Return the smallest expected squared error of any attack, or None unless the images have a known prior."""
        prior = self.pools(setting.dataset).prior
        if prior is None:
            return None
        model = self.protected(setting).model
        with isolated("least error", setting.identity, observations):
            return van_trees_mse(model.copy(), prior.to(self.device), observations=observations)

    @keep_latest(1)
    def attribute_leak(self, setting: Setting) -> AttributeLeak | None:
        """Return which label of an image can be read best from its wire, or None if there are none to read."""
        protected = self.protected(setting)
        outputs = self._outputs(setting.dataset, setting.model, setting.seed)
        with isolated("attribute", setting.identity):
            return attribute_leak(protected.seen_model.copy(), outputs, self.pools(setting.dataset))

    @keep_latest(1)
    def _outputs(self, dataset: ResolvedComponent, model: ResolvedComponent, seed: int) -> Outputs:
        return Outputs(copy.deepcopy(self.targets.get(dataset, model, seed)))

    def attacked(self, setting: Setting) -> ImageSet:
        """Return the private images under attack, with their labels: for scoring only.

        They are the first of the pool, which has its classes in turn, in an order from which no label follows. Equal
        images are of one source.
        """
        return self._first_private(setting.dataset, setting.images)

    @keep_latest(1)
    def _first_private(self, dataset: ResolvedComponent, count: int) -> ImageSet:
        attacked = in_neutral_order(self.pools(dataset).private[:count])
        return replace(attacked, sources=independent_sources(attacked))

    def notes(self, setting: Setting) -> dict[str, str]:
        """Return notes in words on the images under attack, by name; for most data there are none."""
        return self._notes(setting.dataset, setting.images)

    @keep_latest(1)
    def _notes(self, dataset: ResolvedComponent, count: int) -> dict[str, str]:
        found = notes_on(self._first_private(dataset, count), self.pools(dataset).aux.images)
        for note in found.values():
            logger.warning("%s: %s", dataset.label, note)
        return found

    def originals(self, setting: Setting) -> Tensor:
        """Return the private images under attack, (N, C, H, W), in the order of the wire: for scoring only."""
        return self.attacked(setting).images

    def gallery(self, setting: Setting, size: int) -> Tensor:
        """Return the private images under attack, then others of the pool, (K, C, H, W), up to ``size`` images."""
        originals = self.originals(setting)
        return torch.cat([originals, self.pools(setting.dataset).private.images[len(originals) : size]])

    @keep_latest(1)
    def class_means(self, dataset: ResolvedComponent) -> Tensor:
        """Return the mean image of each class in the attacker's pool, (classes, C, H, W)."""
        pools = self.pools(dataset)
        return class_means(pools.aux, len(pools.classes))
