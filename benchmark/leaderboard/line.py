"""One line of a ranking: a defense with its parameters, at one place."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace

from .completeness import is_scored
from .line_uncertainty import over_seeds
from .store import Record, Row
from .worst_case import worst_case


@dataclass(frozen=True, kw_only=True)
class Line:
    """One defense with its parameters, at one place; the fields are the columns of a ranking.

    Attributes:
        psnr_db: what the attacks recover: of each image the highest PSNR over the attacks, then the mean.
        ssim: likewise, the highest SSIM.
        leak_db: ``psnr_db`` less that of the reference attack, which looks at no wire.
        recognisable: share of images whose highest SSIM is at least 0.3.
        recognisable_mean_image: that share for the reference attack alone: smooth images reach it where nothing leaks.
        worst_attack: the attack, with its parameters, that has the highest mean PSNR.
        worst_case: ``per image``, or ``of means`` where the values of the images are not at hand.
        accuracy_kept: accuracy as a share of the undefended one.
        pareto: complete, and no other complete line at this place surely keeps more accuracy at a lower PSNR.
        incomplete: an attack of this place is missing, failed or inapplicable at one of the seeds of the line; an
            attack that is inapplicable to all lines counts for none.
        flags: names of the audits that a cell of this line fails; see ``audits``.
    """

    dataset: str
    model: str
    split: str
    n_images: int
    defense: str
    defense_params: str
    psnr_db: float | None = None
    ssim: float | None = None
    leak_db: float | None = None
    recognisable: float | None = None
    recognisable_mean_image: float | None = None
    worst_attack: str = ""
    worst_case: str = ""
    accuracy: float | None = None
    accuracy_undefended: float | None = None
    accuracy_kept: float | None = None
    epsilon: float | None = None
    guarantee: str | None = None
    wire_bytes: float | None = None
    client_macs: int | None = None
    client_params: int | None = None
    client_ms: float | None = None
    server_ms: float | None = None
    attacks: int = 0
    seeds: int = 0
    pareto: bool = False
    incomplete: bool = False
    flags: str = ""


COLUMNS = [field.name for field in fields(Line)]
"""Of a ranking."""
HIGHEST_FIRST = ("accuracy", "accuracy_undefended", "accuracy_kept", "attacks", "seeds", "pareto")
"""Columns of which more is better; of all others less is, and words go by the alphabet."""


def make_line(cells: Sequence[Row], records: Mapping[str, Record], *, flags: Iterable[str], complete: bool) -> Line:
    """Describe one defense at one place.

    Args:
        cells: all its rows.
        records: those at hand, by cell.
        flags: names of the audits that a cell fails.
        complete: whether each attack ran at each seed.
    """
    first = cells[0]
    scored = [row for row in cells if is_scored(row)]
    line = Line(
        dataset=first.dataset,
        model=first.model,
        split=first.split,
        n_images=first.n_images,
        defense=first.defense,
        defense_params=first.defense_params,
        incomplete=not complete or not scored,
        flags=" ".join(sorted(set(flags))),
    )
    if not scored:
        return line
    accuracy = over_seeds(scored, lambda row: row.accuracy)
    undefended = over_seeds(scored, lambda row: row.accuracy_undefended)
    return replace(
        line,
        **worst_case(scored, records, complete=complete),
        accuracy=accuracy,
        accuracy_undefended=undefended,
        accuracy_kept=accuracy / undefended if accuracy is not None and undefended else None,
        epsilon=_weakest(row.epsilon for row in scored),
        guarantee=scored[0].guarantee,
        wire_bytes=over_seeds(scored, lambda row: row.wire_bytes),
        client_macs=scored[0].client_macs,
        client_params=scored[0].client_params,
        client_ms=over_seeds(scored, lambda row: row.client_ms),
        server_ms=over_seeds(scored, lambda row: row.server_ms),
        attacks=len({row.attack for row in scored}),
        seeds=len({row.seed for row in scored}),
    )


def _weakest(promises: Iterable[float | None]) -> float | None:
    """The largest epsilon; None, which promises nothing, if one of them is."""
    found = [*promises]
    return None if None in found else max(value for value in found if value is not None)
