"""Attackers with hardly any images of their own."""

from typing import Any, cast

import pytest
import torch
from mia_bench.attacks import _ensemble, _substitute_decoding, auto, auto_black_box
from mia_bench.attacks._decoders.fitting import DecoderRecipe
from mia_bench.attacks._inversion import map as _map
from mia_bench.attacks._priors import fit
from mia_bench.benchmark import registry
from mia_bench.benchmark.errors import Inapplicable
from mia_bench.benchmark.interfaces import Attack, Reconstruction

from ..attacks.conftest import World

MAP = {name: {"iterations": 4, "steps": 3} for name in ("map_dec", "map_patch", "map_pca", "map_tv")}
QUICK: dict[str, dict[str, Any]] = {
    "auto_query_free": {"epochs": 1, "restarts": 2},
    "black_box": {"steps": 3},
    "deep_prior": {"iterations": 3, "hourglass": 4},
    "encoder_decoder": {"steps": 3},
    "feature_match": {"restarts": 1, "steps": 3},
    "prior_denoiser": {"iterations": 4, "steps": 3, "prior_steps": 2, "samples": 2},
    "query_free": {"epochs": 1, "iterations": 3, "restarts": 2},
    "ridge_skip": {"steps": 3},
    "shadow_query": {"steps": 3, "iterations": 4},
    "unsplit": {"rounds": 1, "turn": 2},
    "white_box": {"iterations": 4},
    **MAP,
}


@pytest.fixture(autouse=True)
def quick_search(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_ensemble, "ITERATIONS", 4)
    for module in (_map, fit):
        monkeypatch.setattr(module, "WEIGHTS", (1e-3, 0.1))
    for module in (auto, auto_black_box, _substitute_decoding):
        monkeypatch.setattr(module, "DecoderRecipe", lambda: DecoderRecipe(epochs=1, steps=3))


@pytest.mark.parametrize(("count", "split"), [(1, "conv1"), (2, "fc1"), (5, "conv1"), (20, "fc1")])
@pytest.mark.parametrize("name", registry.names("attacks"))
def test_few_images_give_a_result_or_a_sentence(name: str, count: int, split: str) -> None:
    victim = World(split)
    victim.aux = victim.aux[:count]
    attack = cast(Attack, registry.load(registry.find("attacks", name))(**QUICK.get(name, {})))

    try:
        rebuilt = attack.reconstruct(victim.seen_by(attack))
    except Inapplicable:
        return  # which holds a sentence

    images = rebuilt.images if isinstance(rebuilt, Reconstruction) else rebuilt
    assert images.shape == victim.private.images.shape
    assert torch.isfinite(images).all()
    assert 0 <= images.min() <= images.max() <= 1
