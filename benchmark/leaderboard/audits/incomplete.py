"""A defense lacks an attack or a seed that others have."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from ...utils.plurals import count_of
from ..completeness import by_defense, find_gaps
from ..completion_commands import completing_commands, describe_gaps
from ..flags import Finding, FlagKind
from ..row_labels import defense_label
from ..scored_rows import ScoredRows

NOTHING_TO_RUN = "No run can complete it, since what it lacks does not apply to it"


def incomplete(board: ScoredRows) -> Iterator[Finding]:
    """Find lines that lack an attack or a seed of their scenario, also where they have it at some seeds only."""
    gaps = find_gaps(board.all_rows)
    commands = completing_commands(board.all_rows, board.folder)
    scenarios = by_defense(board.all_rows)
    for scenario, found in groupby(gaps, key=lambda gap: gap.scenario):
        lines, run = list(found), commands.get(scenario, [])
        open_to_runs = {gap.defense for gap in lines if gap.attainable}
        remedy = f"To complete this scenario: {run[0]}" if run else "No run can add them"
        if len(run) > 1:
            remedy += f" and {count_of(len(run) - 1, 'more command')}, which mia-bench rank prints"
        for which, lacking in describe_gaps(lines).items():
            first = scenarios[scenario][which][0]
            where = f"{first.dataset} {first.model} {first.split}"
            told = remedy if which in open_to_runs else NOTHING_TO_RUN
            sentence = f"{defense_label(first)} ({where}) lacks {lacking}. {told}"
            yield Finding(defense_label(first), sentence, (first.cell_id,))
            if run and which in open_to_runs:
                remedy = "The command above completes it, too"  # it is long


KIND = FlagKind(
    identifier="incomplete",
    meaning="A defense lacks an attack or a seed that was run on other defenses of the same scenario.",
    causes=(
        "The run was interrupted, or cells failed.",
        "The defenses were run with different attacks or seeds.",
    ),
    remedy="More may leak than its row says. Run the command that completes it.",
    find=incomplete,
)
