"""The server answers from a wire in which a classifier reads nothing, though nothing encrypts it."""

from __future__ import annotations

from collections.abc import Iterator

from ...plan.references import REFERENCE_ATTACK, REFERENCE_DEFENSE
from ..flags import Finding, FlagKind
from ..records import Row
from ..scored_rows import ScoredRows
from .comparisons import promises

KEPT = 0.9
"""A server that keeps this share of its accuracy above chance surely reads the wire."""
READABLE = 0.75
"""A classifier that has this share of the server's accuracy above chance on undefended wires can judge others."""
READ = 0.5
"""A wire is unread if the classifier has less than this share of its accuracy above chance on undefended wires."""


def unread_wire(board: ScoredRows) -> Iterator[Finding]:
    """Find defenses whose wires hide the class from a classifier, but not from the server, and that promise nothing."""
    for rows in board.groups("defense", "defense_params", "attack", "attack_params"):
        judges = (row for row in rows if row.defense == REFERENCE_DEFENSE and _judges(board, row))
        if (plain := next(judges, None)) is None:
            continue
        attacks_first = sorted(rows, key=lambda row: row.attack == REFERENCE_ATTACK)
        found: dict[tuple[str, str], Row] = {}
        for row in attacks_first:
            if _knows_both(row) and not promises(row) and _unread(board, row, plain):
                found.setdefault((row.defense, row.defense_params), row)
        for row in found.values():
            read, usual = row.attribute_accuracy, plain.attribute_accuracy
            told = f"reads {read:.3f} of the classes in its wires, and {usual:.3f} in undefended ones"
            yield Finding.of(row, f"answers {row.accuracy:.3f} right, but a classifier {told}", plain)


def _judges(board: ScoredRows, plain: Row) -> bool:
    """Return whether the classifier reads nearly as much in undefended wires as the server does."""
    if not _knows_both(plain):
        return False
    server, classifier = _above_chance(board, plain)
    return classifier > READABLE * server > 0


def _knows_both(row: Row) -> bool:
    """Return whether a row has the accuracies of the server and of a classifier that reads the class."""
    return row.attribute == "class" and row.accuracy is not None and row.attribute_accuracy is not None


def _unread(board: ScoredRows, row: Row, plain: Row) -> bool:
    server, classifier = _above_chance(board, row)
    usual_server, usual_classifier = _above_chance(board, plain)
    return server > KEPT * usual_server and classifier < READ * usual_classifier


def _above_chance(board: ScoredRows, row: Row) -> tuple[float, float]:
    """Return by how much the accuracies of the server and of the classifier are above chance."""
    chance = board.details(row).get("chance", 0.0)
    return (row.accuracy or 0.0) - chance, (row.attribute_accuracy or 0.0) - chance


KIND = FlagKind(
    identifier="unread-wire",
    meaning="A classifier hardly reads the class in the wires, though the server does, and no guarantee is stated.",
    causes=(
        "The defense codes what it sends, for example by compression or in shares, and does not say how it is read.",
        "The wires are encrypted, and the defense does not state its guarantee.",
        "The server receives the answer in another way than by the wire.",
    ),
    remedy="This is not privacy. Define `Channel.read`, or state the guarantee, and run again.",
    find=unread_wire,
)
