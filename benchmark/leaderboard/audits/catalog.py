"""All audits, and the function that runs them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from ..flags import Finding, Flag
from ..records import Record, Row
from ..scored_rows import ScoredRows
from .attack_versions import mixed_versions
from .exact_scores import exact_behind_noise
from .foreign_knowledge import aux_overlap, beats_bound, class_only, ignores_wire
from .mixed_code import mixed_code
from .nothing_learned import defense_changes_nothing, target_near_chance
from .promises import incomplete, promise_exceeded
from .reversed_order import noise_helps, observations_hurt
from .weak_attacks import below_linear_decoder, below_mean_image, black_box_beats_white_box

AUDITS: Mapping[str, Callable[[ScoredRows], Iterator[Finding]]] = {
    "beats-bound": beats_bound,
    "exact-behind-noise": exact_behind_noise,
    "black-box-beats-white-box": black_box_beats_white_box,
    "noise-helps": noise_helps,
    "observations-hurt": observations_hurt,
    "below-mean-image": below_mean_image,
    "below-linear-decoder": below_linear_decoder,
    "target-near-chance": target_near_chance,
    "defense-changes-nothing": defense_changes_nothing,
    "ignores-wire": ignores_wire,
    "class-only": class_only,
    "aux-overlap": aux_overlap,
    "promise-exceeded": promise_exceeded,
    "mixed-versions": mixed_versions,
    "mixed-code": mixed_code,
    "incomplete": incomplete,
}
"""The audits by the identifier of the flag that they raise; see ``flag_kinds``."""


def audit(rows: Iterable[Row], records: Mapping[str, Record], folder: Path | None = None) -> list[Flag]:
    """Run all audits; each flags a cell at most once, however many cells it is compared with.

    Args:
        rows: Rows of one or several leaderboards.
        records: Available records by cell. Without them, audits that need them find nothing and others are less
            sensitive.
        folder: The results folder to which commands add what is lacking; None leaves it out of them.

    Returns:
        The flags in the order of ``AUDITS``.
    """
    board = ScoredRows(rows, records, folder)
    flags: dict[tuple[str, str], Flag] = {}
    for name, check in AUDITS.items():
        for found in check(board):
            flag = Flag(name, found.sentence, found.cell_ids, found.subject)
            flags.setdefault((name, found.cell_ids[0]), flag)
    return list(flags.values())
