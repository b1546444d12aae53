"""Copies of protected models, and a sentence about those that cannot be copied."""

from __future__ import annotations

import copy

from ..errors import reason_of
from ..interfaces import SplitModel

PARTS = {"client": "client", "server": "server", "input_channel": "channel", "ir_channel": "channel"}
"""The parts of a split model, and what they are."""


def copied(model: SplitModel) -> SplitModel:
    """Return a copy of a protected model.

    Raises:
        TypeError: If a part of it cannot be copied.
    """
    try:
        return model.copy()
    except Exception as error:  # whatever an object raises that is copied
        raise TypeError(
            f"Expected a model that can be copied, got {_culprit(model)} that cannot be ({reason_of(error)}). Define "
            "__deepcopy__, or create in forward what cannot be copied."
        ) from error


def _culprit(model: SplitModel) -> str:
    for name, kind in PARTS.items():
        part = getattr(model, name)
        try:
            copy.deepcopy(part)
        except Exception:  # the one that is looked for
            return f"a {kind} {type(part).__name__}"
    return f"a {type(model).__name__}"
