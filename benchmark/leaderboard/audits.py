"""Signs that a leaderboard is not to be trusted: what an honest evaluation would not show."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import groupby, permutations
from typing import cast

from .. import registry
from ..errors import UsageError
from ..interfaces import Access, Defense
from ..metrics import interval
from ..plan.cells import REFERENCE_ATTACK
from .completeness import by_line, find_gaps
from .completing import completing_commands, describe_gaps
from .groups import Finding, Flag, ScoredRows, cell, defense, observations, psnr
from .idle_audits import defense_changes_nothing, target_near_chance
from .store import Record, Row

MARGIN_DB = 0.5
"""A difference between two attacks counts if its 95 % interval is beyond this; chosen above the 0.4 dB by which the
same attack with another seed differs in single images (measured with ridge on MNIST relu2)."""
REFERENCE_MARGIN_DB = 0.2
"""How far below the mean image an attack may score."""
NOTHING_DB = 0.3
"""Up to this much above the mean image an attack has learned nothing."""
LINEAR_DECODER = "ridge"
"""The attack that needs no training, and that any attack with as many queries should reach."""


def audit(rows: Iterable[Row], records: Mapping[str, Record]) -> list[Flag]:
    """Run all audits; each doubts a cell once, whatever it is compared with.

    Args:
        rows: of one or several leaderboards.
        records: those at hand, by cell; without them audits that need them are silent and the others less sharp.
    """
    board = ScoredRows(rows, records)
    flags: dict[tuple[str, str], Flag] = {}
    for check in AUDITS:
        for sentence, cells in check(board):
            flags.setdefault((check.__name__, cells[0]), Flag(check.__name__, sentence, cells))
    return list(flags.values())


def beats_bound(board: ScoredRows) -> Iterator[Finding]:
    """An attack scores above the gallery bound, as mean PSNR or as PSNR of the mean error."""
    for row in board.rows:
        details, errors = board.details(row), 10 ** (-board.images(row) / 10)
        _, largest = interval(errors, sources=board.sources(row))
        ceiling = details.get("bound_psnr_db_high", row.bound_psnr_db)
        of_mean = details.get("bound_psnr_of_mean_mse_db_high", details.get("bound_psnr_of_mean_mse_db"))
        if row.psnr_db_low is not None and ceiling is not None and row.psnr_db_low > ceiling:
            yield _beats(row, f"is above the gallery bound of {row.bound_psnr_db:.2f} dB")
        elif largest is not None and of_mean is not None and largest < 10 ** (-of_mean / 10) * (1 - 1e-6):
            yield _beats(row, f"has a mean squared error below that of the gallery bound, {of_mean:.2f} dB")


def _beats(row: Row, what: str) -> Finding:
    return f"{cell(row)} {what}: the attack has seen the private images", (row.cell_id,)


def black_box_beats_white_box(board: ScoredRows) -> Iterator[Finding]:
    """The strongest attack with the client's weights is worse than the strongest one without."""
    for rows in board.groups("attack", "attack_params", rest=observations):
        white = [row for row in rows if row.access == "white_box"]
        blind = [row for row in rows if row.access != "white_box"]
        if not white or not blind:
            continue
        seeing, other = max(white, key=psnr), max(blind, key=psnr)
        if board.exceeds(other, seeing, MARGIN_DB):
            found = f"knows the client's weights and is beaten by {other.attack} with {psnr(other):.2f} dB"
            yield _compared(seeing, other, f"{found}: masked gradients, or too weak a search")


def noise_helps(board: ScoredRows) -> Iterator[Finding]:
    """An attack is better on more noise, or on a wire that says less by a parameter of another kind."""
    declared = {name: _declared(name) for name in {row.defense for row in board.rows}}

    def strength(row: Row) -> tuple[float, str]:
        return _strength(row, declared[row.defense])

    for rows in board.groups("defense_params", rest=lambda row: strength(row)[1]):
        pairs = [
            (row, other)
            for row, other in permutations(rows, 2)
            if row.attack != REFERENCE_ATTACK
            and strength(row)[0] < strength(other)[0]
            and board.exceeds(other, row, MARGIN_DB)
        ]
        if pairs:
            row, other = max(pairs, key=lambda pair: psnr(pair[1]) - psnr(pair[0]))
            found = f"gets {psnr(other):.2f} dB on the stronger {defense(other)}"
            yield _compared(row, other, f"{found}: masked gradients, or too weak a search")


def observations_hurt(board: ScoredRows) -> Iterator[Finding]:
    """An attack is worse with more wires of each image."""
    for rows in board.groups("attack_params", rest=lambda row: _without(row.attack_params, "observations")):
        for row, other in permutations(rows, 2):
            if observations(row) > observations(other) and board.exceeds(other, row, MARGIN_DB):
                wires = f"from {observations(row)} wires of each image, gets {psnr(other):.2f} dB from fewer"
                yield _compared(row, other, f"{wires} ({observations(other)}): it wastes what it sees")


def below_mean_image(board: ScoredRows) -> Iterator[Finding]:
    """An attack is worse than the answer that looks at no wire."""
    for row, other in _beside(board, REFERENCE_ATTACK):
        if board.exceeds(other, row, REFERENCE_MARGIN_DB):
            found = f"is below the mean image with {psnr(other):.2f} dB"
            yield _compared(row, other, f"{found}: the attack fails, which is no privacy")


def below_linear_decoder(board: ScoredRows) -> Iterator[Finding]:
    """An attack that may query, with images of the same kind, is worse than the closed-form linear decoder.

    One with the client's weights that is already doubted for being worse than an attack without them is passed over.
    """
    doubted = {cells[0] for _, cells in black_box_beats_white_box(board)}
    for row, other in _beside(board, LINEAR_DECODER):
        aux = json.loads(row.attack_params).get("aux", "same_distribution")
        comparable = aux == "same_distribution" and observations(row) == observations(other)
        queries = row.access in (Access.BLACK_BOX, Access.WHITE_BOX) and row.cell_id not in doubted
        if queries and comparable and board.exceeds(other, row, MARGIN_DB):
            found = f"is weaker than the closed-form linear decoder, {other.attack}, with {psnr(other):.2f} dB"
            yield _compared(row, other, f"{found}: under-trained, or too weak to measure a leak")


def ignores_wire(board: ScoredRows) -> Iterator[Finding]:
    """An attack is above the mean image, and as good when its answers are held against other images.

    An attack that is at the mean image has learned nothing, which is honest; to be above it without telling images
    apart takes knowledge of the private images that is not from the wire.
    """
    for row, other in _beside(board, REFERENCE_ATTACK):
        above = psnr(row) - psnr(other)
        if _tells_no_images_apart(board, row, above) and board.exceeds(row, other, NOTHING_DB):
            wrong = board.details(row)["psnr_db_wrong_image"]
            found = f"is {above:.2f} dB above the mean image and about as good on other images, {wrong:.2f} dB"
            yield _compared(row, other, f"{found}: permuting the wires changes nothing, it knows them from elsewhere")


def _tells_no_images_apart(board: ScoredRows, row: Row, above: float) -> bool:
    wrong = board.details(row).get("psnr_db_wrong_image")
    return wrong is not None and psnr(row) - wrong < above / 2


def class_only(board: ScoredRows) -> Iterator[Finding]:
    """An attack is above the mean image, and as good on another image of the same class.

    It may have read the class from the wire, which is honest, or from elsewhere, such as the order of the images. In
    both cases its score tells how alike the images of a class are, and not how much of an image leaks.
    """
    for row, other in _beside(board, REFERENCE_ATTACK):
        details, above = board.details(row), psnr(row) - psnr(other)
        gap = details.get("psnr_db_above_same_class_high")
        if gap is None or gap > above / 2 or _tells_no_images_apart(board, row, above):
            continue
        if board.exceeds(row, other, NOTHING_DB):
            same, mean = details["psnr_db_same_class"], details.get("psnr_db_class_mean")
            found = f"is {above:.2f} dB above the mean image, but as good on other images of the same class"
            means = "" if mean is None else f"; the mean images of the true classes reach {mean:.2f} dB"
            yield _compared(row, other, f"{found} ({same:.2f} dB): it recovers the class, not the image{means}")


def aux_overlap(board: ScoredRows) -> Iterator[Finding]:
    """The attacker's images hold private ones."""
    for row in board.rows:
        count = board.details(row).get("aux_overlap", 0)
        if count:
            yield f"{cell(row)} had {count:.0f} of the {row.n_images} private images among its own", (row.cell_id,)


def promise_exceeded(board: ScoredRows) -> Iterator[Finding]:
    """The attacker saw more releases of each image than the promised epsilon covers."""
    for row in board.rows:
        covered = json.loads(row.defense_params).get("releases")
        if row.epsilon is not None and isinstance(covered, int) and observations(row) > covered:
            seen = f"saw {observations(row)} wires of each image, and epsilon {row.epsilon:.4g} covers {covered}"
            yield f"{cell(row)} {seen}: raise releases", (row.cell_id,)


def incomplete(board: ScoredRows) -> Iterator[Finding]:
    """A line lacks an attack that ran elsewhere at its place, or has it at some of its seeds only."""
    gaps = find_gaps(board.all_rows)
    commands = completing_commands(board.all_rows)
    places = by_line(board.all_rows)
    for place, lines in groupby(gaps, key=lambda gap: gap.place):
        run = commands.get(place, ["no run can add them"])
        remedy = run[0] if len(run) == 1 else f"{run[0]} and {len(run) - 1} more runs, which mia-bench rank prints"
        for which, lacking in describe_gaps(lines).items():
            first = places[place][which][0]
            where = f"{first.dataset} {first.model} {first.split}"
            found = f"{defense(first)} ({where}) lacks {lacking}, so more may leak than its line says"
            yield f"{found}; to complete it: {remedy}", (first.cell_id,)


AUDITS: Sequence[Callable[[ScoredRows], Iterator[Finding]]] = (
    beats_bound,
    black_box_beats_white_box,
    noise_helps,
    observations_hurt,
    below_mean_image,
    below_linear_decoder,
    target_near_chance,
    defense_changes_nothing,
    ignores_wire,
    class_only,
    aux_overlap,
    promise_exceeded,
    incomplete,
)


def _compared(row: Row, other: Row, what: str) -> Finding:
    return f"{cell(row)} {what}", (row.cell_id, other.cell_id)


def _beside(board: ScoredRows, attack: str) -> Iterator[tuple[Row, Row]]:
    """Each row together with that of a named attack in the same setting."""
    for rows in board.groups("attack", "attack_params"):
        for row, other in permutations(rows, 2):
            if other.attack == attack != row.attack:
                yield row, other


def _declared(name: str) -> Mapping[str, int]:
    """The parameters by which a defense says less, as it declares them; none if it is not installed here."""
    try:
        return cast(type[Defense], registry.find("defenses", name).load()).stronger_with
    except UsageError:
        return {}


def _strength(row: Row, declared: Mapping[str, int]) -> tuple[float, str]:
    """How strong a defense is by the first declared parameter it has, and all else that its parameters say."""
    params = json.loads(row.defense_params)
    for name, sign in declared.items():
        value = params.get(name)
        if isinstance(value, int | float):
            return sign * value, f"{name} {_without(row.defense_params, name)}"
    return 0.0, row.defense_params


def _without(params: str, name: str) -> str:
    """Parameters as JSON, less one of them."""
    return json.dumps({key: value for key, value in json.loads(params).items() if key != name}, sort_keys=True)
