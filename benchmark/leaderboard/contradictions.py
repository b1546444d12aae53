"""Find cells of one submission that contradict each other in what does not depend on who computed them."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from math import isclose

from ..metrics.scales import ROUNDING
from ..plan.references import KEY_COLUMNS, REFERENCE_ATTACK
from ..utils.texts import quoted
from .model_facts import EXACT, PROMISES, RELATIVE_SLACK
from .records import Record


def contradiction(records: Iterable[Record]) -> str | None:
    """Say how two finished cells contradict each other, in one sentence; None if none do.

    Cells that attack the same images name the same source of each. The mean image ignores the wire, so its score of
    each image is the same for all defenses, models, splits and seeds, up to rounding. Rows of one protected model have
    the same task, operations, parameters and promises. Their accuracies may differ, as a network that is trained on
    another machine becomes another one; the flag ``mixed-code`` names such rows.

    Example:
        >>> contradiction([])
    """
    done = sorted((each for each in records if each.row.status == "done"), key=lambda each: each.row.cell_id)
    for group_of, difference in RULES:
        first: dict[Hashable, Record] = {}
        for record in done:
            if (group := group_of(record)) is None:
                continue
            other = first.setdefault(group, record)
            if found := difference(other, record):
                return f"Expected {found} in cells {other.row.cell_id} and {record.row.cell_id}, got different ones."
    return None


def _images(record: Record) -> Hashable:
    return record.row.dataset, record.row.n_images


def _other_sources(record: Record, other: Record) -> str | None:
    alike = record.per_image.sources == other.per_image.sources
    return None if alike else "equal sources of the same images"


def _mean_image(record: Record) -> Hashable | None:
    return (_images(record), record.row.attack_params) if record.row.attack == REFERENCE_ATTACK else None


def _other_scores(record: Record, other: Record) -> str | None:
    for name, rounding in ROUNDING.items():
        pairs = zip(getattr(record.per_image, name), getattr(other.per_image, name), strict=True)
        if any(abs(one - two) > rounding for one, two in pairs):
            return f"equal {name} of {REFERENCE_ATTACK}, which does not depend on the defense,"
    return None


def _protected_model(record: Record) -> Hashable:
    return tuple(getattr(record.row, name) for name in KEY_COLUMNS if not name.startswith("attack"))


def _other_facts(record: Record, other: Record) -> str | None:
    for name in (*EXACT, *PROMISES):
        one, two = getattr(record.row, name), getattr(other.row, name)
        known = name in PROMISES and None not in (one, two)
        if one != two and not (known and isclose(one, two, rel_tol=RELATIVE_SLACK[name])):
            return f"one {name} of {quoted(record.row.defense)}"
    return None


RULES: tuple[tuple[Callable[[Record], Hashable | None], Callable[[Record, Record], str | None]], ...] = (
    (_images, _other_sources),
    (_mean_image, _other_scores),
    (_protected_model, _other_facts),
)
"""Which cells are compared, and how they differ."""
