"""Describe one row of a ranking: a defense with its parameters, in one scenario."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from ..plan.references import REFERENCE_ATTACK
from .completeness import Component, attack_of, is_scored
from .ranking_uncertainty import over_seeds
from .records import Record, Row
from .worst_case import worst_case


@dataclass(frozen=True, kw_only=True)
class RankedDefense:
    """One defense with its parameters, in one scenario; the fields are the columns of a ranking.

    Attributes:
        psnr_db: Mean over images of the highest PSNR over the attacks, in dB.
        ssim: Mean over images of the highest SSIM over the attacks.
        leak_db: ``psnr_db`` minus that of the reference attack, which ignores the wire.
        recognisable: Share of images whose highest SSIM is at least 0.3.
        recognisable_mean_image: The same share for the reference attack alone. Smooth images are recognizable even if
            nothing leaks.
        worst_attack: The attack, with its parameters, that has the highest mean PSNR.
        worst_case: ``per image``, or ``of means`` if the scores of the images are not available.
        accuracy_kept: Accuracy as a share of the undefended one.
        utility: Utility by the metric of the task, which is the accuracy for classification.
        utility_metric: The name of that metric.
        utility_undefended: Utility of the undefended network.
        utility_kept: Utility as a share of the undefended one, if that is above 0, at the seeds that have both.
        agreement: Agreement with the undefended network.
        attacks: Number of attacks with a score. An attack with other parameters is another attack, and the reference
            attack is none.
        pareto: Whether the defense is complete, and no other complete defense of the scenario surely keeps
            more utility at a lower PSNR.
        incomplete: Whether an attack of the scenario is missing, failed or inapplicable at one of the seeds. An attack
            that is inapplicable to all defenses is not required.
        flags: Identifiers of the flags of its cells; see ``flag_kinds``.
        recognized_by_people: The largest share over the attacks of images that people recognized, if ``mia-bench rate``
            joined ratings.
        attack_gap_db: How far the best attack is from the best one possible, where the images come from a known
            distribution: the smallest mean over seeds.
        attribute: The label that can be read best from the wire, beyond what the outputs of the network tell.
        attribute_accuracy: The share of images of which a probe reads it.
        attribute_gain: By how much that is above the share by the outputs or by the most frequent value.

    Example:
        >>> RankedDefense(
        ...     dataset="mnist", model="lenet5", split="relu2", n_images=64, defense="topk", defense_params="{}"
        ... ).incomplete
        False
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
    utility: float | None = None
    utility_metric: str = ""
    utility_undefended: float | None = None
    utility_kept: float | None = None
    agreement: float | None = None
    epsilon: float | None = None
    bound_identified: float | None = None
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
    recognized_by_people: float | None = None
    attack_gap_db: float | None = None
    attribute: str | None = None
    attribute_accuracy: float | None = None
    attribute_gain: float | None = None


COLUMNS = [field.name for field in fields(RankedDefense)]
"""Columns of a ranking."""
HIGHEST_FIRST = (
    *("accuracy", "accuracy_undefended", "accuracy_kept"),
    *("utility", "utility_undefended", "utility_kept", "agreement"),
    *("attacks", "seeds", "pareto"),
)
"""Columns in which more is better. In all others less is better, and texts are in alphabetical order."""


def describe_defense(
    cells: Sequence[Row],
    records: Mapping[str, Record],
    *,
    undefended: Mapping[int, float],
    flags: Iterable[str],
    complete: bool,
) -> RankedDefense:
    """Describe one defense in one scenario.

    Args:
        cells: All rows of the defense.
        records: Available records by cell.
        undefended: Utility of the undefended network by seed, for tasks other than classification.
        flags: Identifiers of the flags of its cells.
        complete: Whether each attack ran at each seed.
    """
    first = cells[0]
    scored = [row for row in cells if is_scored(row)]
    described = RankedDefense(
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
        return described
    return replace(
        described,
        **worst_case(scored, records, complete=complete),
        **_utility(scored, undefended),
        epsilon=_weakest(row.epsilon for row in scored),
        bound_identified=_weakest(row.bound_identified for row in scored),
        guarantee=scored[0].guarantee,
        **_costs(scored),
        attacks=len({attack_of(row) for row in scored if row.attack != REFERENCE_ATTACK}),
        seeds=len({row.seed for row in scored}),
        recognized_by_people=max(_details("recognized_by_people", scored, records), default=None),
        attack_gap_db=_attack_gap(scored),
        **_attribute(scored),
    )


def with_undefended(scored: Sequence[Row], undefended: Mapping[int, float]) -> list[Row]:
    """Return the rows whose undefended utility is known: by themselves for classification, else by their seed."""
    return [row for row in scored if row.accuracy_undefended is not None or row.seed in undefended]


def _utility(scored: Sequence[Row], undefended: Mapping[int, float]) -> dict[str, Any]:
    """Return the columns of accuracy, utility and agreement."""
    accuracy = over_seeds(scored, lambda row: row.accuracy)
    accuracy_undefended = over_seeds(scored, lambda row: row.accuracy_undefended)
    both = with_undefended(scored, undefended)
    plain = accuracy_undefended if accuracy is not None else over_seeds(both, lambda row: undefended.get(row.seed))
    return {
        "accuracy": accuracy,
        "accuracy_undefended": accuracy_undefended,
        "accuracy_kept": _share(accuracy, accuracy_undefended),
        "utility": over_seeds(scored, lambda row: row.utility),
        "utility_metric": next((row.utility_metric for row in scored if row.utility_metric), ""),
        "utility_undefended": plain,
        "utility_kept": _share(over_seeds(both, lambda row: row.utility), plain),
        "agreement": over_seeds(scored, lambda row: row.agreement),
    }


def _costs(scored: Sequence[Row]) -> dict[str, Any]:
    """Return the columns of what the client computes and sends, and of times."""
    return {
        "wire_bytes": over_seeds(scored, lambda row: row.wire_bytes),
        "client_macs": scored[0].client_macs,
        "client_params": scored[0].client_params,
        "client_ms": over_seeds(scored, lambda row: row.client_ms),
        "server_ms": over_seeds(scored, lambda row: row.server_ms),
    }


def _attribute(scored: Sequence[Row]) -> dict[str, Any]:
    """Return the columns of the attribute, at the seed at which the wire says most of it."""
    measured = [row for row in scored if row.attribute_gain is not None]
    if not measured:
        return {}
    worst = max(measured, key=lambda row: row.attribute_gain or 0.0)
    names = ("attribute", "attribute_accuracy", "attribute_gain")
    return {name: getattr(worst, name) for name in names}


def _attack_gap(scored: Sequence[Row]) -> float | None:
    """Return how far the attack with the smallest gap, averaged over seeds, is from the best one possible."""
    by_attack = defaultdict[Component, list[Row]](list)
    for row in scored:
        by_attack[attack_of(row)].append(row)
    gaps = [over_seeds(rows, lambda row: row.attack_gap_db) for rows in by_attack.values()]
    return min((gap for gap in gaps if gap is not None), default=None)


def _details(name: str, scored: Sequence[Row], records: Mapping[str, Record]) -> list[float]:
    """Return a detail of the cells of all attacks that have it, without the reference."""
    attacked = (row for row in scored if row.attack != REFERENCE_ATTACK and row.cell_id in records)
    found = (records[row.cell_id].details.get(name) for row in attacked)
    return [value for value in found if value is not None]


def _share(value: float | None, whole: float | None) -> float | None:
    return value / whole if value is not None and whole is not None and whole > 0 else None


def _weakest(promises: Iterable[float | None]) -> float | None:
    """Return the largest epsilon or bound; None, which promises nothing, if one of them is None."""
    found = [*promises]
    return None if None in found else max(value for value in found if value is not None)
