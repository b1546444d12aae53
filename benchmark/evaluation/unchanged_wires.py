"""Whether an adversary sees the same numbers as without the defense."""

from __future__ import annotations

from torch import Tensor

from ..interfaces import SplitModel, Wire
from ..interfaces.channel import readings
from .copies import copied
from .observe import overhear

ROUNDING = 1e-6
"""Relative difference of wires from the rounding of float32 alone."""


def is_unchanged(undefended: SplitModel, model: SplitModel, wire: Wire, originals: Tensor) -> bool:
    """Return whether a wire holds the numbers that the undefended model sends, as it is sent or as it is read.

    The server may be another one all the same.

    Args:
        undefended: The split target, of which a copy sends.
        model: The protected model, or as the server reads what it sends.
        wire: What it sent of the images under attack, read in the same way.
        originals: These images, (N, C, H, W).
    """
    known = readings(model.ir_channel) if model.ir_channel.published else readings(model.ir_channel)[:1]
    if not isinstance(wire.payload, Tensor) and len(known) == 1:
        return False
    plain = overhear(copied(undefended), originals).tensor
    sent = (read(wire) for read in known)
    return any(each.shape == plain.shape and (each - plain).norm() <= ROUNDING * plain.norm() for each in sent)
