"""The note of a record about zeros that tell the sign of the numbers that they replace."""

from __future__ import annotations

import torch
from torch import Tensor

from ..interfaces import SplitModel
from .copies import copied

MAX_IMAGES = 16
"""Most images whose wires are searched for such zeros."""


def signed_zeros_note(model: SplitModel, originals: Tensor) -> dict[str, str]:
    """Return the note if negative numbers of the IR are sent as -0.0, as a product with a mask of zeros does.

    Args:
        model: The protected model.
        originals: The private images under attack, (N, C, H, W).
    """
    if type(model).send is not SplitModel.send:
        return {}
    with torch.no_grad():
        tried = copied(model)
        value = tried.client(tried.input_channel(originals[:MAX_IMAGES].clone()))
        sent: object = tried.ir_channel(value)
    if not isinstance(sent, Tensor) or sent.shape != value.shape or not sent.is_floating_point():
        return {}
    numbers = sent.double()
    if not ((numbers == 0) & numbers.signbit() & (value < 0)).any():
        return {}
    return {
        "signed_zeros": "Numbers that are replaced by zero are sent as -0.0 where they are negative, which tells their "
        "sign, and which no attack reads. Use torch.where or masked_fill in place of a product."
    }
