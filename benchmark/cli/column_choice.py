"""Columns that an option names, separated by commas."""

from __future__ import annotations

from collections.abc import Sequence

from ..errors import UsageError
from ..registry import suggestion


def parse_columns(text: str, known: Sequence[str], *, table: str, example: str) -> list[str]:
    """Return the columns of a table that ``--columns`` names.

    Args:
        text: The names, separated by commas.
        known: The columns of the table.
        table: What the table is, for messages.
        example: Two of its columns, for messages.

    Raises:
        UsageError: If there is none, or the table does not have it.

    Example:
        >>> parse_columns("defense, psnr_db", ["defense", "psnr_db"], table="ranking", example="defense,psnr_db")
        ['defense', 'psnr_db']
    """
    chosen = [name for part in text.split(",") if (name := part.strip())]
    for name in chosen:
        if name not in known:
            raise UsageError(
                f"Expected columns of a {table} for --columns, got {name!r}{suggestion(name, known)} "
                f"Available: {', '.join(known)}."
            )
    if not chosen:
        raise UsageError(f"Expected columns for --columns, got {text!r}. Name some, as in {example}.")
    return list(dict.fromkeys(chosen))
