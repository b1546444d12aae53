"""How networks are trained: targets, decoders and fine-tuned defenses."""

from .augmentation import augment
from .features import frozen_features
from .last_layer import LastLayer, Units
from .loop import SMALLEST_BATCH, Plan, fit, plan
from .normalization import add_biases
from .targets import MIN_STEPS, RECIPE_VERSION, train_head, train_target
from .untrained import untrained_copy

__all__ = [
    "MIN_STEPS",
    "RECIPE_VERSION",
    "SMALLEST_BATCH",
    "LastLayer",
    "Plan",
    "Units",
    "add_biases",
    "augment",
    "fit",
    "frozen_features",
    "plan",
    "train_head",
    "train_target",
    "untrained_copy",
]
