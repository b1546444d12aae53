"""Find the commands that complete the rows of a ranking."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby, product
from pathlib import Path

from ..plan.local_inputs import of_session
from ..plan.references import REFERENCE_ATTACK, REFERENCE_DEFENSE
from ..registry import Kind
from ..registry.labels import default_params, label, labeler, spec
from ..utils.plurals import count_of, fitting
from ..utils.texts import as_typed
from .completeness import (
    Component,
    Gap,
    ScenarioKey,
    attack_of,
    by_defense,
    find_gaps,
    is_scored,
    scenario_of,
    wanted_attacks,
    wanted_seeds,
)
from .records import Row

MissingRun = tuple[Component, int]
"""An attack and the seed at which a defense lacks it."""
MAX_NOTICE_LINES = 8
"""Rows, and commands, that a notice lists; the others are counted."""


def completing_commands(rows: Sequence[Row], out: Path | None = None) -> dict[ScenarioKey, list[str]]:
    """Return the runs that fill all gaps, quoted for a shell.

    Each run also attacks the undefended network and scores the reference attack. What this adds may leave gaps
    elsewhere; the commands fill these as well, so that no row of the scenario is incomplete after them.

    Args:
        rows: Rows of one or several leaderboards.
        out: The results folder to write to; None leaves the option out.

    Returns:
        The commands by scenario. Scenarios without gaps, or with gaps that cannot be filled, are left out, and so are
        objects of a Python session, which no command has.
    """
    incomplete = {gap.scenario for gap in find_gaps(rows) if gap.attainable}
    open_rows = [row for row in rows if scenario_of(row) in incomplete]
    defenses = by_defense(row for row in open_rows if not of_session(row.model_dump()))
    seeds: dict[ScenarioKey, set[int]] = {}
    for scenario, everything in by_defense(open_rows).items():
        seeds[scenario] = wanted_seeds(row for cells in everything.values() for row in cells)
    typable = sorted(incomplete & defenses.keys())
    found = {each: _commands(each, _needed(defenses[each], seeds[each]), out) for each in typable}
    return {scenario: commands for scenario, commands in found.items() if commands}


def _needed(defenses: Mapping[Component, Sequence[Row]], seeds: set[int]) -> dict[Component, set[MissingRun]]:
    """Return the attacks and seeds that each defense of one scenario still needs.

    Args:
        defenses: The rows of each defense.
        seeds: The seeds of the scenario.
    """
    reference, plain = _plain("attacks", REFERENCE_ATTACK), _plain("defenses", REFERENCE_DEFENSE)
    wanted = wanted_attacks(row for cells in defenses.values() for row in cells) | {reference}
    needed = {defense: _open(cells, wanted, seeds) for defense, cells in defenses.items()}
    needed[plain] = _open(defenses.get(plain, []), wanted, seeds)
    return {defense: tasks for defense, tasks in needed.items() if tasks}


def _open(cells: Iterable[Row], attacks: Iterable[Component], seeds: Iterable[int]) -> set[MissingRun]:
    """Return the attacks and seeds of one defense that a run may still score."""
    settled = {(attack_of(row), row.seed) for row in cells if is_scored(row) or row.status == "inapplicable"}
    return set(product(attacks, seeds)) - settled


def _plain(kind: Kind, name: str) -> Component:
    return name, default_params(kind, name)


def _commands(scenario: ScenarioKey, needed: dict[Component, set[MissingRun]], out: Path | None) -> list[str]:
    """Return one command for all defenses that lack the same attacks at the same seeds."""
    blocks: dict[tuple[tuple[Component, ...], tuple[int, ...]], list[Component]] = defaultdict(list)
    for defense, tasks in sorted(needed.items()):
        attacks_at: dict[int, set[Component]] = defaultdict(set)
        for attack, seed in tasks:
            attacks_at[seed].add(attack)
        seeds_of: dict[tuple[Component, ...], list[int]] = defaultdict(list)
        for seed, attacks in sorted(attacks_at.items()):
            seeds_of[tuple(sorted(attacks))].append(seed)
        for attacks, seeds in seeds_of.items():
            blocks[attacks, tuple(seeds)].append(defense)
    written = [_command(scenario, defenses, attacks, seeds, out) for (attacks, seeds), defenses in blocks.items()]
    return [command for command in written if command.isprintable()]  # others cannot be typed


def _command(
    scenario: ScenarioKey,
    defenses: Iterable[Component],
    attacks: Iterable[Component],
    seeds: Iterable[int],
    out: Path | None,
) -> str:
    dataset, model, split, images = scenario
    words = ["mia-bench", "run", "--dataset", dataset, "--model", model, "--split", split]
    words += _options("--defense", "defenses", defenses, implied=REFERENCE_DEFENSE)
    words += _options("--attack", "attacks", attacks, implied=REFERENCE_ATTACK)
    for seed in seeds:
        words += ["--seed", str(seed)]
    words += ["--images", str(images)]
    return as_typed(*words, *(["--out", out] if out else []))


def _options(option: str, kind: Kind, components: Iterable[Component], *, implied: str) -> list[str]:
    """Return an option for each component. What every run adds by itself is named only if there is nothing else."""
    specs = [spec(kind, name, json.loads(params)) for name, params in components]
    named = [each for each in specs if each != implied] or specs
    return [word for each in named for word in (option, each)]


def gap_notice(rows: Sequence[Row], out: Path | None = None) -> list[str]:
    """Return what the rows of a ranking lack and how to complete them, line by line; nothing if they are complete.

    Args:
        rows: Rows of one or several leaderboards.
        out: The results folder to write to; None leaves the option out.
    """
    notice = incomplete_notice(rows)
    if not notice:
        return []
    commands = [f"  {command}" for found in completing_commands(rows, out).values() for command in found]
    gaps = find_gaps(rows)
    incomplete, every = {gap.scenario for gap in gaps}, all(gap.attainable for gap in gaps)
    if any(of_session(row.model_dump()) for row in rows if scenario_of(row) in incomplete):
        notice.append("Those with objects of a Python session can be completed by that session alone.")
    if not commands:
        return [*notice, "No run can complete them."]
    which = "To complete them:" if every else "To complete those that lack more than attacks that do not apply:"
    return [*notice, which, *_first(commands, "command")]


def incomplete_notice(rows: Sequence[Row]) -> list[str]:
    """Return what the rows of a ranking lack, line by line; nothing if they are complete.

    Args:
        rows: Rows of one or several leaderboards.
    """
    where, lines = len(by_defense(rows)) > 1, []
    for scenario, here in groupby(find_gaps(rows), key=lambda gap: gap.scenario):
        at = f" ({' '.join(scenario[:3])}, {count_of(scenario[3], 'image')})" if where else ""
        lines += [f"  {_defense(*defense)}{at} lacks {lacking}" for defense, lacking in describe_gaps(here).items()]
    if not lines:
        return []
    count, shown = count_of(len(lines), "row is", "rows are"), fitting(len(lines), "it shows", "they show")
    return [f"{count} incomplete, so more may leak than {shown}:", *_first(lines, "row")]


def _first(lines: Sequence[str], noun: str) -> list[str]:
    more = len(lines) - MAX_NOTICE_LINES
    rest = [f"  and {count_of(more, f'more {noun}')} (see mia-bench audit)"] if more > 0 else []
    return [*lines[:MAX_NOTICE_LINES], *rest]


def _defense(name: str, params: str) -> str:
    return label("defenses", name, json.loads(params))


def describe_gaps(gaps: Iterable[Gap]) -> dict[Component, str]:
    """Return in words what each defense of one scenario lacks: each attack with its seeds, and why.

    Args:
        gaps: Gaps of one scenario.
    """
    seeds: dict[Component, dict[tuple[Component, str], list[int]]] = defaultdict(lambda: defaultdict(list))
    for gap in gaps:
        seeds[gap.defense][gap.attack, gap.why].append(gap.seed)
    shorten = labeler("attacks", [attack for lacking in seeds.values() for attack, _ in lacking])
    return {
        defense: "; ".join(f"{shorten(*attack)} at {_numbered(at)} ({why})" for (attack, why), at in lacking.items())
        for defense, lacking in seeds.items()
    }


def _numbered(seeds: Sequence[int]) -> str:
    return f"{fitting(len(seeds), 'seed')} {', '.join(map(str, seeds))}"
