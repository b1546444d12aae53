"""What defenses share whose servers compute on ciphertexts or on shares."""

from __future__ import annotations

import torch
from torch import Tensor

from ..benchmark.errors import Inapplicable
from ..benchmark.interfaces import SplitModel

MIN_ACCURACY_IMAGES = 8
"""Least number of images that must be classified by such servers to measure an accuracy."""
MAX_LOGIT_ERROR = 0.01
"""Largest error of the first logits, relative to the largest logit."""
UNIFORM_DEVIATION = 12**-0.5
"""Standard deviation of a uniform number on an interval of length 1."""


def num_accuracy_images(asked: int | None, most: int, *, budget_s: float, remedy: str) -> int:
    """Return how many images to classify: those that the user asks for, or else as many as the time allows.

    Args:
        asked: Images that the user asks for.
        most: Images for which the time is enough.
        budget_s: The time, for the message.
        remedy: The end of the message, which says what to do.

    Raises:
        Inapplicable: If the time is not enough for the images asked for, or for ``MIN_ACCURACY_IMAGES``.

    Example:
        >>> num_accuracy_images(None, 20, budget_s=60, remedy="Raise budget_s.")
        20
    """
    least = asked or MIN_ACCURACY_IMAGES
    if most < least:
        raise Inapplicable(
            f"Expected to classify {least} images in budget_s={budget_s:g}, enough for {most} images. {remedy}"
        )
    return asked or most


def as_values(uniform: Tensor, *, mean: Tensor, deviation: Tensor) -> Tensor:
    """Scale uniform numbers on an interval of length 1 around 0 to a mean and a standard deviation.

    Example:
        >>> as_values(torch.tensor([0.0]), mean=torch.tensor(2.0), deviation=torch.tensor(1.0))
        tensor([2.])
    """
    return mean + deviation * uniform / UNIFORM_DEVIATION


def clear_logits(model: SplitModel, images: Tensor) -> Tensor:
    """Compute the logits (N, outputs) of the same network on plain IRs of images (N, C, H, W)."""
    with torch.no_grad():
        return torch.cat([model.logits(chunk) for chunk in images.split(500)])


def logit_errors(clear: Tensor, logits: Tensor) -> dict[str, float]:
    """Return the largest difference of logits (N, outputs) from those of plain IRs, and the largest of the latter.

    Example:
        >>> logit_errors(torch.tensor([[1.0, -2.0]]), torch.tensor([[1.5, -2.0]]))
        {'largest_logit_error': 0.5, 'largest_logit': 2.0}
    """
    return {"largest_logit_error": (clear - logits).abs().max().item(), "largest_logit": clear.abs().max().item()}
