"""What a network may be for. This module imports no torch, since leaderboards are read without it."""

from typing import Literal

Task = Literal["classification", "multi-label", "regression", "unlabeled"]
"""Whether labels name one class of each image, several of them, numbers, or nothing."""
METRICS: dict[Task, str] = {
    "classification": "accuracy",
    "multi-label": "mean_average_precision",
    "regression": "r2",
    "unlabeled": "agreement",
}
"""The name of the metric of each task."""
