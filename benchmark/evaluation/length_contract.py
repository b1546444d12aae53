"""What the lengths of ciphertexts must not depend on: the image."""

from __future__ import annotations

import torch
from scipy.special import fdtrc
from torch import Tensor

from ..errors import ContractError
from ..interfaces import SplitModel

TRIED_IMAGES = 8
"""Images that are sent, at most."""
REPEATS = 4
"""How often each is sent, since lengths of ciphertexts may differ by chance."""
FALSE_ALARMS = 1e-6
"""Probability that lengths which are independent of the image are refused."""
LENGTHS_TELL = (
    "Expected messages whose lengths do not depend on the image for a promise of secrecy, got lengths of {low} to "
    "{high} bytes that differ between images. Pad all messages to one length, as after a compression."
)


def require_silent_lengths(model: SplitModel, images: Tensor) -> None:
    """Check that a promise of secrecy is not broken by the lengths of the messages.

    Images are sent several times. Lengths that differ more between images than between messages of one image, by an
    analysis of variance, depend on the image.

    Args:
        model: The protected model. One without a promise of secrecy is not checked.
        images: Images under attack, (N, C, H, W).

    Raises:
        ContractError: If lengths tell images apart.
    """
    if not model.promise.secrecy:
        return
    sent = [model.overheard(images[:TRIED_IMAGES].clone()).payload for _ in range(REPEATS)]
    if any(isinstance(payload, Tensor) for payload in sent):
        return
    lengths = torch.tensor([[len(message) for message in payload] for payload in sent], dtype=torch.float64)
    if _differ_by_column(lengths):
        raise ContractError(LENGTHS_TELL.format(low=int(lengths.min()), high=int(lengths.max())))


def _differ_by_column(lengths: Tensor) -> bool:
    """Return whether lengths (repeats, images) of different images have different means."""
    repeats, images = lengths.shape
    between = repeats * (lengths.mean(0) - lengths.mean()).square().sum().item()
    within = (lengths - lengths.mean(0)).square().sum().item()
    if images == 1 or not between:
        return False
    if not within:
        return True
    free = (images - 1, images * (repeats - 1))
    return bool(fdtrc(*free, between / free[0] / (within / free[1])) < FALSE_ALARMS)
