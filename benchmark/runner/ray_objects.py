"""Share data and trained weights with Ray workers through Ray's object store."""

from __future__ import annotations

from typing import Any

import ray
from safetensors.torch import load, save

from ..evaluation.artifacts import Artifacts
from ..evaluation.weights import Need
from ..plan.cells import Setting
from ..registry.specs import ResolvedComponent
from ..utils.cache import cache_name, cached_tensors, known_tensors
from .packed_pools import PackedPools


class RayObjects:
    """The pools of each dataset, and trained weights, which are also in the cache of the driver.

    Example: ``objects = RayObjects(artifacts); reference = objects.pools(setting)``.
    """

    def __init__(self, artifacts: Artifacts) -> None:
        """Use ``artifacts`` to load the data."""
        self._artifacts = artifacts
        self._pools: dict[ResolvedComponent, Any] = {}
        self._needs: dict[tuple[ResolvedComponent, ResolvedComponent, int], dict[str, tuple[Need, Any]]] = {}
        self._trained: dict[str, Any] = {}

    def needed(self, setting: Setting) -> dict[str, tuple[Need, Any]]:
        """Return what must be trained for a setting, with its identity, by its name in the cache."""
        whole = (setting.dataset, setting.model, setting.seed)
        if whole not in self._needs:
            needs = self._artifacts.needs(setting)
            self._needs[whole] = {cache_name(need, identity): (need, identity) for need, identity in needs.items()}
        return self._needs[whole]

    def pools(self, setting: Setting) -> Any:
        """Return a reference to the packed pools of a setting."""
        dataset = setting.dataset
        if dataset not in self._pools:
            self._pools[dataset] = ray.put(PackedPools.of(self._artifacts.pools(dataset)))
        return self._pools[dataset]

    def trained(self, setting: Setting, name: str) -> Any:
        """Return a reference to a name and its weights as safetensors; None if they are not trained yet."""
        if name not in self._trained and (tensors := known_tensors(*self.needed(setting)[name])) is not None:
            self._trained[name] = ray.put((name, save(tensors)))
        return self._trained.get(name)

    def keep(self, setting: Setting, name: str, content: bytes) -> None:
        """Store trained weights in the cache of the driver."""
        cached_tensors(*self.needed(setting)[name], lambda: load(content))
