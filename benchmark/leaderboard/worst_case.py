"""Compute the worst case over attacks: the best reconstruction of each image by any of them."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean, mean
from typing import Any

from ..metrics.scales import RECOGNISABLE_SSIM, SCORE_DECIMALS
from ..plan.references import REFERENCE_ATTACK
from ..registry.labels import labeler
from .completeness import attack_of
from .records import Record, Row

Best = tuple[dict[int, float], dict[int, float]]
"""Highest PSNR and highest SSIM over the attacks, by image."""


def worst_case(scored: Sequence[Row], records: Mapping[str, Record], *, complete: bool) -> dict[str, Any]:
    """Compute what the strongest attacks recover from one defense, by column of a ranking.

    Seeds are averaged if each attack ran at each seed. Otherwise an average would fall with each seed that lacks a
    strong attack, so the seed at which most is recovered counts.

    Args:
        scored: Finished rows of the defense.
        records: Available records by cell.
        complete: Whether each attack ran at each seed.

    Returns:
        ``psnr_db``, ``ssim``, ``leak_db``, ``recognisable``, ``recognisable_mean_image``, ``worst_attack`` and
        ``worst_case``.
    """
    over_seeds = mean if complete else max
    scores = [worst_scores(rows, records) for rows in by_seed(scored).values()]
    psnr, ssim, recognisable = (over_seeds(values) for values in zip(*scores, strict=True))
    zero, anyway = _of_reference(scored, records, complete=complete)
    return {
        "psnr_db": psnr,
        "ssim": ssim,
        "leak_db": None if zero is None else psnr - zero,
        "recognisable": recognisable,
        "recognisable_mean_image": anyway,
        "worst_attack": _strongest(scored, complete=complete),
        "worst_case": "per image" if _all_have_image_scores(scored, records) else "of means",
    }


def _of_reference(
    scored: Sequence[Row], records: Mapping[str, Record], *, complete: bool
) -> tuple[float | None, float | None]:
    """Return PSNR and recognizable share of the mean image: averaged over seeds, or the lowest if incomplete.

    At each seed they are as precise as those of ``worst_scores``, so that the leak is 0 where only they are reached.
    """
    over_seeds = mean if complete else min
    found = []
    for rows in by_seed(scored).values():
        available = records if _all_have_image_scores(rows, records) else {}
        found += [worst_scores([row], available) for row in rows if row.attack == REFERENCE_ATTACK]
    if not found:
        return None, None
    psnr, _, recognisable = zip(*found, strict=True)
    return over_seeds(psnr), over_seeds(recognisable)


def known_values(rows: Iterable[Row], column: str) -> list[float]:
    """Return what is known of a column, such as ``psnr_db``, in the order of the rows."""
    return [value for row in rows if (value := getattr(row, column)) is not None]


def _strongest(scored: Sequence[Row], *, complete: bool) -> str:
    """Return the attack of the highest PSNR: of equal ones the first by name, and the reference last."""
    over_seeds = mean if complete else max
    by_attack: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in scored:
        by_attack[attack_of(row)].append(row)

    def strength(attack: tuple[str, str]) -> tuple[float, bool]:
        return over_seeds(known_values(by_attack[attack], "psnr_db")), attack[0] != REFERENCE_ATTACK

    strongest = max(sorted(by_attack), key=strength)
    return labeler("attacks", by_attack)(*strongest)


def by_seed(rows: Iterable[Row]) -> dict[int, list[Row]]:
    """Group rows by seed."""
    found: dict[int, list[Row]] = defaultdict(list)
    for row in rows:
        found[row.seed].append(row)
    return found


def worst_scores(scored: Sequence[Row], records: Mapping[str, Record]) -> tuple[float, float, float]:
    """Return the PSNR, SSIM and recognizable share that the attacks reach together on one protected model.

    The best reconstruction of each image counts. If only some records are available, the mean of the strongest attack
    counts if it is higher, and all means are rounded as those in rows are.

    Args:
        scored: Finished rows of one defense and one seed.
        records: Available records by cell.
    """
    psnr, ssim = best_of_each(scored, records)
    found = [max(known_values(scored, column)) for column in ("psnr_db", "ssim", "recognisable")]
    if not psnr:
        return found[0], found[1], found[2]
    share = fmean(float(value >= RECOGNISABLE_SSIM) for value in ssim.values())
    per_image = fmean(psnr.values()), fmean(ssim.values()), share
    if _all_have_image_scores(scored, records):
        return per_image
    highest = [max(round(value, SCORE_DECIMALS), of_row) for value, of_row in zip(per_image, found, strict=True)]
    return highest[0], highest[1], highest[2]


def _all_have_image_scores(rows: Iterable[Row], records: Mapping[str, Record]) -> bool:
    return all(has_image_scores(row, records) for row in rows)


def has_image_scores(row: Row, records: Mapping[str, Record]) -> bool:
    """Return whether there is a record with finite scores of each image."""
    record = records.get(row.cell_id)
    return record is not None and all(
        len(values) == row.n_images and all(map(math.isfinite, values))
        for values in (record.per_image.psnr_db, record.per_image.ssim)
    )


def best_of_each(scored: Sequence[Row], records: Mapping[str, Record]) -> Best:
    """Return the highest PSNR and SSIM over the attacks of one seed, by image, from the cells that have records."""
    psnr: dict[int, float] = {}
    ssim: dict[int, float] = {}
    for row in scored:
        if has_image_scores(row, records):
            values = records[row.cell_id].per_image
            for image, (decibels, similarity) in enumerate(zip(values.psnr_db, values.ssim, strict=True)):
                psnr[image] = max(decibels, psnr.get(image, decibels))
                ssim[image] = max(similarity, ssim.get(image, similarity))
    return psnr, ssim
