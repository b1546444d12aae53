"""The commands that complete the lines of a ranking."""

from __future__ import annotations

import json
import shlex
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby, product
from pathlib import Path

from ..plan.references import REFERENCE_ATTACK, REFERENCE_DEFENSE
from ..registry import Kind
from ..registry.labels import default_params, label, spec
from .completeness import Component, Gap, Place, attack_of, by_line, find_gaps, is_scored, wanted_attacks
from .store import Row

Task = tuple[Component, int]
"""An attack and a seed."""


def completing_commands(rows: Sequence[Row], out: Path | None = None) -> dict[Place, list[str]]:
    """The runs that fill all gaps of the places that have some, quoted for a shell.

    Each run attacks the undefended network, too, and scores the reference attack. What that adds to a line would leave
    a gap elsewhere; the commands fill this as well, so that no line of the place is incomplete after them.

    Args:
        rows: of one or several leaderboards.
        out: the results folder to write to; None leaves the option out.

    Returns:
        The commands by place; a place whose gaps cannot be filled has none.
    """
    open_places = {gap.place for gap in find_gaps(rows) if gap.attainable}
    lines = by_line(rows)
    found = {place: _commands(place, _needed(lines[place]), out) for place in sorted(open_places)}
    return {place: commands for place, commands in found.items() if commands}


def _needed(lines: Mapping[Component, Sequence[Row]]) -> dict[Component, set[Task]]:
    """What is to be run of each defense of one place: its attacks and seeds."""
    reference, plain = _plain("attacks", REFERENCE_ATTACK), _plain("defenses", REFERENCE_DEFENSE)
    wanted = wanted_attacks(row for cells in lines.values() for row in cells) | {reference}
    seeds = {defense: {row.seed for row in cells} for defense, cells in lines.items()}
    needed = {defense: _open(lines[defense], wanted, seeds[defense]) for defense in lines}
    touched = {seed for tasks in needed.values() for _, seed in tasks}
    needed[plain] = _open(lines.get(plain, []), wanted, seeds.get(plain, set()) | touched)
    return {defense: tasks for defense, tasks in needed.items() if tasks}


def _open(cells: Iterable[Row], attacks: Iterable[Component], seeds: Iterable[int]) -> set[Task]:
    """Those of the attacks and seeds of one line that a run may still score."""
    settled = {(attack_of(row), row.seed) for row in cells if is_scored(row) or row.status == "inapplicable"}
    return set(product(attacks, seeds)) - settled


def _plain(kind: Kind, name: str) -> Component:
    return name, default_params(kind, name)


def _commands(place: Place, needed: dict[Component, set[Task]], out: Path | None) -> list[str]:
    """One command for all defenses that lack the same attacks at the same seeds."""
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
    written = [_command(place, defenses, attacks, seeds, out) for (attacks, seeds), defenses in blocks.items()]
    return [command for command in written if command.isprintable()]  # no other can be typed


def _command(
    place: Place, defenses: Iterable[Component], attacks: Iterable[Component], seeds: Iterable[int], out: Path | None
) -> str:
    dataset, model, split, images = place
    words = ["mia-bench", "run", "--dataset", dataset, "--model", model, "--split", split]
    words += _options("--defense", "defenses", defenses, implied=REFERENCE_DEFENSE)
    words += _options("--attack", "attacks", attacks, implied=REFERENCE_ATTACK)
    for seed in seeds:
        words += ["--seed", str(seed)]
    words += ["--images", str(images)]
    return shlex.join([*words, "--out", str(out)] if out else words)


def _options(option: str, kind: Kind, components: Iterable[Component], *, implied: str) -> list[str]:
    """An option for each component; what every run adds by itself is named only where nothing else is."""
    specs = [spec(kind, name, json.loads(params)) for name, params in components]
    named = [each for each in specs if each != implied] or specs
    return [word for each in named for word in (option, each)]


SHOWN = 8
"""Lines and commands of a notice; the rest is counted."""


def gap_notice(rows: Sequence[Row], out: Path | None = None) -> list[str]:
    """What the lines of a board lack and how to complete them, for a terminal; nothing if they are complete.

    Args:
        rows: of one or several leaderboards.
        out: the results folder to write to; None leaves the option out.
    """
    gaps, where = find_gaps(rows), len(by_line(rows)) > 1
    lines = []
    for place, here in groupby(gaps, key=lambda gap: gap.place):
        at = f" ({' '.join(place[:3])}, {place[3]} images)" if where else ""
        lines += [f"  {_defense(*line)}{at} lacks {lacking}" for line, lacking in describe_gaps(here).items()]
    if not lines:
        return []
    commands = [f"  {command}" for found in completing_commands(rows, out).values() for command in found]
    count = f"{len(lines)} lines are" if len(lines) > 1 else "1 line is"
    notice = [f"{count} incomplete, so more may leak than {'they say' if len(lines) > 1 else 'it says'}:"]
    notice += _some(lines, "lines")
    return notice + (["to complete them:", *_some(commands, "commands")] if commands else ["no run can complete them"])


def _some(lines: Sequence[str], noun: str) -> list[str]:
    more = len(lines) - SHOWN
    return [*lines[:SHOWN], f"  and {more} more {noun}, which mia-bench audit tells"] if more > 0 else [*lines]


def _defense(name: str, params: str) -> str:
    return label("defenses", name, json.loads(params))


def describe_gaps(gaps: Iterable[Gap]) -> dict[Component, str]:
    """What each line of one place lacks, in words: each attack with its seeds, and why.

    Args:
        gaps: of one place.
    """
    seeds: dict[Component, dict[tuple[Component, str], list[int]]] = defaultdict(lambda: defaultdict(list))
    for gap in gaps:
        seeds[gap.defense][gap.attack, gap.why].append(gap.seed)
    alike: dict[str, list[dict[str, object]]] = defaultdict(list)
    for lacking in seeds.values():
        for (name, params), _ in lacking:
            alike[name].append(json.loads(params))
    return {
        defense: "; ".join(
            f"{label('attacks', name, json.loads(params), alike[name])} at {_numbered(at)} ({why})"
            for ((name, params), why), at in lacking.items()
        )
        for defense, lacking in seeds.items()
    }


def _numbered(seeds: Sequence[int]) -> str:
    return f"seed{'s' if len(seeds) > 1 else ''} {', '.join(map(str, seeds))}"
