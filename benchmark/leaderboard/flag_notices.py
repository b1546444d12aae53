"""Flags in groups: one line for each kind, and all that there is to say about it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from ..utils.plurals import count_of
from .flag_kinds import FLAG_KINDS, INCOMPLETE
from .flags import Flag

MAX_SUBJECTS = 3
"""Cells that a line names; the others are counted."""


def grouped(flags: Iterable[Flag]) -> dict[str, list[Flag]]:
    """Return flags by their kind, in the order of ``FLAG_KINDS``."""
    found = list(flags)
    groups = {name: [flag for flag in found if flag.name == name] for name in FLAG_KINDS}
    return {name: group for name, group in groups.items() if group}


def notice(flags: Iterable[Flag]) -> Iterator[str]:
    """Yield one line for each kind of flag: which, where, how many, and what to do."""
    for name, group in grouped(flags).items():
        yield f"Flag {name}, {count(name, group)} ({_subjects(group)}). {FLAG_KINDS[name].remedy}"


def details(name: str, group: Sequence[Flag]) -> Iterator[str]:
    """Yield all that there is to say about the flags of one kind, one line each.

    The meaning of the kind, its likely causes and its remedy; then the sentence and the cells of each flag.
    """
    kind = FLAG_KINDS[name]
    yield f"{name}: {count(name, group)}. {kind.meaning}"
    yield from (f"  Likely cause: {cause}" for cause in kind.causes)
    yield f"  What to do: {kind.remedy}"
    yield from (f"  - {flag.sentence} [{' '.join(flag.cell_ids)}]" for flag in group)


def count(name: str, group: Sequence[Flag]) -> str:
    """Return how many cells, or rows of a ranking, a kind of flag concerns."""
    number = len({flag.cell_ids[0] for flag in group})
    return count_of(number, "row" if name == INCOMPLETE else "cell")


def _subjects(group: Sequence[Flag]) -> str:
    named = list(dict.fromkeys(flag.subject for flag in group))
    more = len(named) - MAX_SUBJECTS
    return ", ".join([*named[:MAX_SUBJECTS], *([f"and {more} more"] if more > 0 else [])])
