"""The note of a record about noise whose low bits tell more than its density."""

from __future__ import annotations

import torch
from torch import Tensor

from ..interfaces import SplitModel
from ..interfaces.low_bits import has_low_bits
from .copies import copied

MAX_IMAGES = 16
"""Most images whose noise is searched for low bits."""


def low_bits_note(model: SplitModel, originals: Tensor) -> dict[str, str]:
    """Return the note if noise with a density is sent with its low bits; else nothing.

    Args:
        model: The protected model.
        originals: The private images under attack, (N, C, H, W).
    """
    random = model.input_channel.stochastic or model.ir_channel.stochastic
    if type(model).send is not SplitModel.send or not random:
        return {}
    with torch.no_grad():
        if not _sends_low_bits(copied(model), originals[:MAX_IMAGES].clone()):
            return {}
    return {
        "low_bits": "The bounds take the noise as real numbers, but the low bits of what is sent tell more. Send "
        "mia_bench.drop_low_bits of it."
    }


def _sends_low_bits(model: SplitModel, images: Tensor) -> bool:
    """Return whether noise with a density is added to images (N, C, H, W), or to their IRs, and sent as the sum is."""
    on_input = model.input_channel.stochastic
    channel = model.input_channel if on_input else model.ir_channel
    value = images if on_input else model.client(model.input_channel.clean(images))
    noisy: object = channel(value)
    if channel.exact_noise or not isinstance(noisy, Tensor) or not noisy.is_floating_point():
        return False
    return channel.log_density(value[:1], noisy[:1]) is not None and has_low_bits(noisy)
