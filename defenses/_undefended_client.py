"""The refusal of a client that another defense protects."""

from __future__ import annotations

from ..benchmark.errors import Inapplicable
from ..benchmark.interfaces import Channel, SplitModel


def require_undefended(model: SplitModel, name: str) -> None:
    """Check that no other defense has changed what the client sends, since this one would replace the change.

    Args:
        model: The model to protect.
        name: The name of the defense, for the message.

    Raises:
        Inapplicable: If a channel of the model changes the image or the IR.
    """
    if any(type(channel) is not Channel for channel in (model.input_channel, model.ir_channel)):
        raise Inapplicable(f"Expected an undefended client, got a defended one. Use {name} without other defenses.")
