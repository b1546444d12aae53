"""How networks are trained: targets, decoders and fine-tuned defenses."""

from .augmentation import augment
from .duration import head_training_seconds, training_seconds
from .features import frozen_features
from .joint import JointLoss, train_jointly
from .last_layer import LastLayer, Units
from .loop import SMALLEST_BATCH, Plan, fit, plan
from .normalization import add_biases
from .recipes import FAST, STANDARD, Recipe
from .targets import MIN_STEPS, RECIPE_VERSION, train_head, train_target
from .tuning import EPOCHS_HELP, fit_batches, frozen_encoder, num_steps, trainable, tune, tune_server
from .untrained import untrained_copy

__all__ = [
    "EPOCHS_HELP",
    "FAST",
    "MIN_STEPS",
    "RECIPE_VERSION",
    "SMALLEST_BATCH",
    "STANDARD",
    "JointLoss",
    "LastLayer",
    "Plan",
    "Recipe",
    "Units",
    "add_biases",
    "augment",
    "fit",
    "fit_batches",
    "frozen_encoder",
    "frozen_features",
    "head_training_seconds",
    "num_steps",
    "plan",
    "train_head",
    "train_jointly",
    "train_target",
    "trainable",
    "training_seconds",
    "tune",
    "tune_server",
    "untrained_copy",
]
