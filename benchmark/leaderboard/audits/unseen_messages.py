"""The device sends messages that no attack sees."""

from __future__ import annotations

from collections.abc import Iterator

from ...plan.references import REFERENCE_ATTACK
from ..flags import Finding, FlagKind
from ..scored_rows import ScoredRows


def unseen_messages(board: ScoredRows) -> Iterator[Finding]:
    """Find attacks on devices that send more than the wire under attack, without secrecy."""
    for row in board.rows:
        unseen = board.details(row).get("unseen_bytes")
        if unseen and row.attack != REFERENCE_ATTACK:
            sent = "bytes" if row.wire_bytes is None else f"of the {row.wire_bytes:.0f} bytes"
            yield Finding.of(row, f"does not see {unseen:.0f} {sent} that the device sends")


KIND = FlagKind(
    identifier="unseen-messages",
    meaning="The device sends messages after the wire, which no attack sees and nothing says to be secret.",
    causes=("The defense overrides `exchange`, counts bytes in `more_bytes_up`, and does not override `overheard`.",),
    remedy="Override `SplitModel.overheard`, so that attacks see all messages, or promise secrecy, and run again.",
    find=unseen_messages,
)
