"""What a network may be for. This module imports no torch, since leaderboards are read without it."""

from typing import Literal

Task = Literal["classification", "multi-label", "regression", "unlabeled"]
"""Whether labels name one class of each image, several of them, numbers, or nothing."""
