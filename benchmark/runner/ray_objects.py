"""What Ray workers need from the driver, in Ray's object store."""

from __future__ import annotations

from typing import Any

import ray
from safetensors.torch import load, save

from ..evaluation.artifacts import Artifacts
from ..evaluation.weights import Need
from ..plan.cells import Setting
from ..registry.specs import ResolvedComponent
from ..utils.cache import cache_name, cached_tensors, known_tensors
from .ray_actor import PackedPools


class RayObjects:
    """The pools of each dataset, and what was trained; the latter is in the driver's cache, too."""

    def __init__(self, bench: Artifacts) -> None:
        """Have the data loaded by ``bench``."""
        self._bench = bench
        self._pools: dict[ResolvedComponent, Any] = {}
        self._needs: dict[tuple[ResolvedComponent, ResolvedComponent, int], dict[str, tuple[Need, Any]]] = {}
        self._trained: dict[str, Any] = {}

    def needed(self, setting: Setting) -> dict[str, tuple[Need, Any]]:
        """What must be trained for a setting, and what it follows from, by its name in the cache."""
        whole = (setting.dataset, setting.model, setting.seed)
        if whole not in self._needs:
            needs = self._bench.needs(setting)
            self._needs[whole] = {cache_name(need, identity): (need, identity) for need, identity in needs.items()}
        return self._needs[whole]

    def pools(self, setting: Setting) -> Any:
        """A reference to the packed pools of a setting."""
        dataset = setting.dataset
        if dataset not in self._pools:
            self._pools[dataset] = ray.put(PackedPools.of(self._bench.pools(dataset)))
        return self._pools[dataset]

    def trained(self, setting: Setting, name: str) -> Any:
        """A reference to a name and the weights that have it, as safetensors; None if these are not trained yet."""
        if name not in self._trained and (tensors := known_tensors(*self.needed(setting)[name])) is not None:
            self._trained[name] = ray.put((name, save(tensors)))
        return self._trained.get(name)

    def keep(self, setting: Setting, name: str, content: bytes) -> None:
        """Put what was trained into the driver's cache, from where it is handed out."""
        cached_tensors(*self.needed(setting)[name], lambda: load(content))
