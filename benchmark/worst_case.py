"""The worst case over attacks: of each image the best that any of them rebuilds."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from statistics import mean
from typing import Any

from .cells import REFERENCE_ATTACK
from .labels import label
from .leaderboard import Record, Row
from .metrics import RECOGNISABLE_SSIM


def worst_case(done: Sequence[Row], records: Mapping[str, Record]) -> dict[str, Any]:
    """What the strongest attacks recover from one defense, by column of a ranking.

    Args:
        done: the finished rows of the defense.
        records: those at hand, by cell.

    Returns:
        ``psnr_db``, ``ssim``, ``leak_db``, ``recognisable``, ``worst_attack`` and ``worst_case``.
    """
    by_attack: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in done:
        by_attack[row.attack, row.attack_params].append(row)
    reference = [row.psnr_db or 0.0 for row in done if row.attack == REFERENCE_ATTACK]
    psnr, ssim, recognisable = worst_scores(done, records)
    name, params = max(by_attack, key=lambda each: mean(row.psnr_db or 0.0 for row in by_attack[each]))
    alike = [json.loads(others) for also, others in by_attack if also == name]
    return {
        "psnr_db": psnr,
        "ssim": ssim,
        "leak_db": psnr - mean(reference) if reference else None,
        "recognisable": recognisable,
        "worst_attack": label("attacks", name, json.loads(params), alike),
        "worst_case": "per image" if _at_hand(done, records) else "of means",
    }


def worst_scores(done: Sequence[Row], records: Mapping[str, Record]) -> tuple[float, float, float]:
    """PSNR, SSIM and recognizable share that the attacks reach together on one protected model.

    Args:
        done: its finished cells, of one or several seeds.
        records: those at hand, by cell.
    """
    if not _at_hand(done, records):
        return _over_means(done)
    psnr, ssim = best_of_each(done, records)
    return mean(psnr.values()), mean(ssim.values()), mean(float(value >= RECOGNISABLE_SSIM) for value in ssim.values())


def _at_hand(done: Sequence[Row], records: Mapping[str, Record]) -> bool:
    return all(row.cell_id in records for row in done)


def best_of_each(
    done: Sequence[Row], records: Mapping[str, Record]
) -> tuple[dict[tuple[int, int], float], dict[tuple[int, int], float]]:
    """Highest PSNR and highest SSIM over the attacks, by (seed, image)."""
    psnr: dict[tuple[int, int], float] = {}
    ssim: dict[tuple[int, int], float] = {}
    for row in done:
        values = records[row.cell_id].per_image
        for image, (decibels, similarity) in enumerate(zip(values.psnr_db, values.ssim, strict=True)):
            key = row.seed, image
            psnr[key] = max(decibels, psnr.get(key, decibels))
            ssim[key] = max(similarity, ssim.get(key, similarity))
    return psnr, ssim


def _over_means(done: Sequence[Row]) -> tuple[float, float, float]:
    """The highest mean PSNR, SSIM and recognizable share over the attacks of each seed, averaged over the seeds."""
    seeds = {row.seed for row in done}

    def strongest(column: str) -> float:
        return mean(max(getattr(row, column) or 0.0 for row in done if row.seed == seed) for seed in seeds)

    return strongest("psnr_db"), strongest("ssim"), strongest("recognisable")
