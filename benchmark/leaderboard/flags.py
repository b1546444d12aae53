"""What an audit looks for and what it finds: reasons to doubt a cell."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from .records import Row
from .row_labels import cell_label
from .scored_rows import ScoredRows


@dataclass(frozen=True)
class Flag:
    """One reason to doubt a cell.

    Attributes:
        name: Identifier of its kind; see ``flag_kinds``.
        sentence: What was found, with its figures, without a period at the end.
        cell_ids: The cell in doubt, then the one that it was compared with.
        subject: What is in doubt, in short, as ``ridge on dp_ir:sigma=0.1``.

    Example:
        >>> Flag("incomplete", "dp_ir lacks ridge", ("0123456789abcdef",), "dp_ir").name
        'incomplete'
    """

    name: str
    sentence: str
    cell_ids: tuple[str, ...]
    subject: str


@dataclass(frozen=True)
class Finding:
    """The result of an audit: the parts of a flag except for its kind.

    Example:
        >>> Finding("ridge on dp_ir", "ridge on dp_ir scores 12.00 dB", ("0123456789abcdef",)).subject
        'ridge on dp_ir'
    """

    subject: str
    sentence: str
    cell_ids: tuple[str, ...]

    @classmethod
    def of(cls, row: Row, what: str, other: Row | None = None) -> Finding:
        """Make a finding about a row: ``what`` continues the sentence that begins with the name of its cell."""
        where = f"{row.dataset} {row.model} {row.split} seed {row.seed}"
        cell_ids = (row.cell_id, other.cell_id) if other else (row.cell_id,)
        return cls(cell_label(row), f"{cell_label(row)} ({where}) {what}", cell_ids)


@dataclass(frozen=True, kw_only=True)
class FlagKind:
    """One kind of flag: what it means, what may have caused it, what to do, and the function that finds it.

    Attributes:
        identifier: The stable name, in kebab case, as in the column ``flags`` of a ranking.
        meaning: One sentence that says what was found.
        causes: Likely causes, the most frequent first.
        remedy: What to do, in at most two short sentences.
        find: The audit, which finds the cells in doubt.

    Example:
        >>> from mia_bench.benchmark.leaderboard.flag_kinds import FLAG_KINDS
        >>> FLAG_KINDS["aux-overlap"].meaning
        "The attacker's own images contain private images."
    """

    identifier: str
    meaning: str
    causes: tuple[str, ...]
    remedy: str
    find: Callable[[ScoredRows], Iterator[Finding]]
