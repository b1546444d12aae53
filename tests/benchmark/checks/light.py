"""Parameters that make built-in components quick, and fixed settings that are reduced in the same way."""

from collections.abc import Callable
from functools import partial
from typing import Any

from mia_bench.attacks import _ensemble, auto, auto_query_free, feature_match
from mia_bench.attacks._decoders import variations
from mia_bench.attacks._decoders.fitting import Recipe
from mia_bench.benchmark.training import targets, tuning

RECIPE = {"epochs": 1, "steps": 40, "channels": 8}
MAP = {"iterations": 10, "epochs": 1, "steps": 40}
SHADOW = {"epochs": 1, "steps": 40}
LIGHT: dict[str, dict[str, Any]] = {
    "white_box": {"iterations": 30},
    "encoder_decoder": {"steps": 100, "channels": 4},
    "ridge_skip": {"epochs": 2, "learning_rate": 3e-2, "channels": 8},
    "black_box": {"steps": 60, "channels": 8},
    "query_free": {**SHADOW, "restarts": 1, "iterations": 15},
    "shadow_query": {**SHADOW, "iterations": 15},
    "auto_query_free": {**SHADOW, "restarts": 1},
    "feature_match": {"steps": 30},
    "deep_prior": {"iterations": 60, "hourglass": 8},
    "unsplit": {"rounds": 10, "turn": 10},
    "map_dec": MAP,
    "map_pca": MAP,
    "map_tv": MAP,
    "ckks": {"mode": "interactive"},
    "lowpass": {"tuning_epochs": 0},
    "codec": {"tuning_epochs": 0},
    "label_smoothing": {"tuning_epochs": 1},
    "cem": {"tuning_epochs": 1},
}


def lighten(assign: Callable[[Any, str, Any], None] = setattr) -> None:
    """Train and optimize for fewer steps in this process, where components have no parameters for it."""
    assign(targets, "MIN_STEPS", 20)
    assign(tuning, "MIN_STEPS_PER_EPOCH", 20)
    assign(_ensemble, "ITERATIONS", MAP["iterations"])
    assign(variations, "MAX_AFFINE_COPIES", 1)
    for module in (auto, auto_query_free, feature_match):
        assign(module, "Recipe", partial(Recipe, **RECIPE))
