"""Parameters that make built-in components quick, and fixed settings that are reduced in the same way."""

from collections.abc import Callable
from functools import partial
from typing import Any

from mia_bench.attacks import _ensemble, _substitute_decoding, auto, auto_black_box, auto_query_free, prior_denoiser
from mia_bench.attacks._decoders import folds, skip_network, variations
from mia_bench.attacks._decoders.fitting import DecoderRecipe
from mia_bench.attacks._inversion import correction, map_attack
from mia_bench.attacks._inversion import map as _map
from mia_bench.attacks._priors import expectation_maximization, fit, half_quadratic, samples
from mia_bench.benchmark.training import targets, tuning

RECIPE = {"epochs": 1, "steps": 8, "channels": 4}
MAP = {"iterations": 3, "epochs": 1, "steps": 15}
SHADOW = {"epochs": 1, "steps": 15}
LIGHT: dict[str, dict[str, Any]] = {
    "white_box": {"iterations": 10},
    "encoder_decoder": {"steps": 30, "channels": 4},
    "ridge_skip": {"epochs": 2, "steps": 20, "learning_rate": 3e-2, "channels": 4},
    "black_box": {"steps": 10, "channels": 4},
    "query_free": {**SHADOW, "restarts": 1, "iterations": 6},
    "shadow_query": {**SHADOW, "iterations": 6},
    "auto_query_free": {**SHADOW, "restarts": 1},
    "feature_match": {"steps": 6, "restarts": 1},
    "deep_prior": {"iterations": 20, "hourglass": 4},
    "unsplit": {"rounds": 4, "turn": 5},
    "map_dec": MAP,
    "map_patch": MAP,
    "map_pca": MAP,
    "map_tv": MAP,
    "prior_denoiser": {**MAP, "prior_steps": 4, "samples": 1},
    "adversarial": {"tuning_epochs": 1},
    "ckks": {"mode": "interactive"},
    "lowpass": {"tuning_epochs": 0},
    "codec": {"tuning_epochs": 0},
    "label_smoothing": {"tuning_epochs": 1},
    "cem": {"tuning_epochs": 1},
    "ensembler": {"bodies": 3, "selected": 2, "tuning_epochs": 1},
}


def same_error(*_: object) -> float:
    """Judge all decoders the same, so that corrections are kept although so few steps do not make them better."""
    return 1.0


def lighten(assign: Callable[[Any, str, Any], None] = setattr) -> None:
    """Train and optimize for fewer steps in this process, where components have no parameters for it."""
    assign(targets, "MIN_STEPS", 20)
    assign(tuning, "MIN_STEPS_PER_EPOCH", 6)
    for module in (_ensemble, auto_query_free):
        assign(module, "ITERATIONS", MAP["iterations"])
    for module in (_map, fit):
        assign(module, "WEIGHTS", (1e-3, 0.1))
    assign(folds, "NUM_FOLDS", 2)
    assign(correction, "EPOCHS", 1)
    assign(correction, "MAX_PIXELS", 0)
    assign(skip_network, "_error", same_error)
    assign(expectation_maximization, "PATCHES", 500)
    assign(samples, "ROUNDS", 3)
    assign(half_quadratic, "LEVELS", (1.0, 0.5))
    for name in ("MAX_AFFINE_COPIES", "MAX_MAP_COPIES"):
        assign(variations, name, 1)
    for module in (auto, auto_black_box, _substitute_decoding):
        assign(module, "DecoderRecipe", partial(DecoderRecipe, **RECIPE))
    for module in (map_attack, prior_denoiser):
        assign(module, "DecoderRecipe", partial(DecoderRecipe, channels=RECIPE["channels"]))
