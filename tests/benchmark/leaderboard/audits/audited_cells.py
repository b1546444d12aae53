"""Cells as audits read them, and the names of the flags on them."""

import json
from typing import Any

from mia_bench.benchmark.leaderboard.auditing import audit
from mia_bench.benchmark.leaderboard.records import Record

from ..test_ranking import record

SPREAD = [-1.0, -0.5, -0.2, 0.0, 0.2, 0.5, 1.0, 0.0]


def cell(
    attack: str, decibels: float, *, details: dict[str, float] | None = None, eights: int = 1, **facts: Any
) -> Record:
    """A cell of eight images around a mean PSNR, or of several times eight."""
    row = {
        "psnr_db_low": decibels - 0.4,
        "psnr_db_high": decibels + 0.4,
        "defense_params": json.dumps(facts.pop("defense_params", {})),
        "attack_params": json.dumps({"observations": 1, **facts.pop("attack_params", {})}),
    } | facts
    row["cell_id"] = "-".join(map(str, (attack, row["defense_params"], row["attack_params"], row.get("seed", 0))))
    made = record("dp_ir", attack, [decibels + each for each in SPREAD * eights], [0.1] * 8 * eights, **row)
    return made.model_copy(update={"details": details or {}})


def on(defense: str, attack: str, decibels: float, **facts: Any) -> Record:
    """Such a cell of another defense."""
    made = cell(attack, decibels, **facts)
    row = made.row.model_copy(update={"defense": defense, "cell_id": f"{defense}-{made.row.cell_id}"})
    return made.model_copy(update={"row": row})


def flags(*cells: Record, at_hand: bool = True) -> list[str]:
    records = {each.row.cell_id: each for each in cells}
    found = audit([each.row for each in cells], records if at_hand else {})
    return [flag.name for flag in found if flag.name != "incomplete"]  # see test_completion_commands.py


def of_classes(same: float, high: float, mean: float = 14.0) -> dict[str, float]:
    return {
        "psnr_db_wrong_image": 9.0,
        "psnr_db_same_class": same,
        "psnr_db_above_same_class": high - 0.2,
        "psnr_db_above_same_class_high": high,
        "psnr_db_class_mean": mean,
    }


def exact(attack: str, decibels: float, unbiased: float | None, **facts: Any) -> Record:
    """A cell of eight images that are all equally good, behind noise with a density."""
    details = {} if unbiased is None else {"dfil_unbiased_psnr_db": unbiased}
    made = cell(attack, 50.0, details=details, **{"leak_r2": 1.0} | facts)
    row = made.row.model_copy(update={"psnr_db": decibels, "psnr_db_low": decibels, "psnr_db_high": decibels})
    images = made.per_image.model_copy(update={"psnr_db": [decibels] * 8})
    return made.model_copy(update={"row": row, "per_image": images})
