"""What the device sends that attacks cannot read, or do not see."""

from __future__ import annotations

from torch import Tensor

from ..errors import ContractError
from ..interfaces import SplitModel, Wire
from ..interfaces.wire import length_view
from ..metrics.costs import Costs


def is_unread(model: SplitModel, wire: Wire) -> bool:
    """Return whether nothing says how to read byte strings, which no guarantee says to be secret."""
    unread = not isinstance(wire.payload, Tensor) and wire.view is length_view
    return unread and model.promise.guarantee.startswith("none")


def unseen_bytes(model: SplitModel, costs: Costs) -> int:
    """Return how many bytes the device sends for an image after the wire, which no attack sees and nothing encrypts.

    Raises:
        ContractError: If an epsilon is promised for them.
    """
    if model.promise.secrecy or type(model).overheard is not SplitModel.overheard:
        return 0
    if costs.more_bytes_up and model.promise.epsilon is not None:
        raise ContractError(
            f"Expected wires that hold all that is sent under an epsilon, got {costs.more_bytes_up} more bytes after "
            "the wire, which no attack sees. Override SplitModel.overheard, so that attacks see them, or leave "
            "epsilon out."
        )
    return costs.more_bytes_up


def overheard_messages(model: SplitModel, overheard: Wire) -> Wire | None:
    """Return messages that differ in length, if that is what was overheard; None if one tells the bytes of all."""
    whole = type(model).overheard is SplitModel.overheard
    return overheard if whole and not isinstance(overheard.payload, Tensor) else None
