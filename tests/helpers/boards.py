"""A results folder as ``run`` leaves it, small, with a doubtful, a failed and a hostile cell."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from mia_bench.benchmark.evaluation.strips import strip
from mia_bench.benchmark.leaderboard.records import Record
from mia_bench.benchmark.leaderboard.store import rebuild, write_record
from mia_bench.benchmark.utils.atomic_files import write_atomically

from ..benchmark.leaderboard.test_ranking import record

HOSTILE = "<script>alert(1)</script>"
REASON = "</script><img src=x onerror=alert(2)> 'quoted' \"twice\" & <b>bold</b>"
ACCESS = {"white_box": "white_box", "mean_image": "query_free"}
SPREAD = (-0.4, -0.2, 0.0, 0.0, 0.2, 0.4)

SCORES: dict[tuple[str, str], tuple[float, dict[str, float | None]]] = {
    ("undefended", "{}"): (0.99, {"ridge": 30.0, "white_box": 31.0}),
    ("noise", '{"sigma":0.1}'): (0.98, {"ridge": 25.0, "white_box": 20.0}),
    ("noise", '{"sigma":1.0}'): (0.95, {"ridge": 18.0, "white_box": 18.2}),
    ("noise", '{"sigma":10.0}'): (0.6, {"ridge": 12.1, "white_box": 12.2}),
    ("sealed", "{}"): (0.985, {"ridge": 12.0, "white_box": 12.1}),
    (HOSTILE, "{}"): (0.97, {"ridge": 15.0, "white_box": None}),
}
"""Accuracy of each setting, and the PSNR of each attack on it; None is a failed cell."""


def cells(seeds: Sequence[int] = (0,), splits: Sequence[str] = ("conv1",)) -> list[Record]:
    """The records of all settings and attacks; those of the second split leak a little less."""
    made = []
    for shift, split in enumerate(splits):
        for seed in seeds:
            for (defense, params), (accuracy, scores) in SCORES.items():
                for attack, decibels in {**scores, "mean_image": 12.0}.items():
                    facts = {"split": split, "seed": seed, "accuracy": accuracy - 0.01 * seed}
                    facts["accuracy_images"] = 100_000
                    level = None if decibels is None else decibels - 0.1 * shift + 0.3 * seed
                    made.append(cell(defense, params, attack, level, **facts))
    return made


def cell(defense: str, params: str, attack: str, decibels: float | None, **facts: Any) -> Record:
    row = {
        "defense_params": params,
        "attack_params": json.dumps({"observations": 1}),
        "access": ACCESS.get(attack, "black_box"),
        "accuracy_undefended": 0.99,
        "accuracy_images": 1000,
        "wire_bytes": 4096.0,
        "client_macs": 320000,
        "client_ms": 0.5,
        "server_ms": 0.1,
        "guarantee": "none",
        "cell_id": str([defense, params, attack, facts]),
    } | facts
    if decibels is None:
        failed = {"status": "failed", "reason": REASON}
        return record(defense, attack, [0.0], [0.0], **{**row, **failed, "n_images": len(SPREAD)})
    values = [decibels + each for each in SPREAD]
    ends = {"psnr_db_low": decibels - 0.3, "psnr_db_high": decibels + 0.3}
    return record(
        defense, attack, values, [max(0.05, max(0.0, (each - 10) / 25) ** 0.9) for each in values], **row, **ends
    )


def near_front() -> list[Record]:
    """The records of three settings on the Pareto front, of which the first beats the second within its interval."""
    scores = {"sealed": (0.985, 12.0), "noise": (0.984, 12.1), "undefended": (0.99, 30.0)}
    return [cell(name, "{}", "ridge", decibels, accuracy=accuracy) for name, (accuracy, decibels) in scores.items()]


def write(out: Path, records: Sequence[Record], pictured: bool = True) -> Path:
    """Write records, pictures and the leaderboard; returns the folder."""
    torch.manual_seed(0)
    originals = torch.rand(6, 1, 8, 8)
    for each in records:
        write_record(out, each)
        if pictured and each.row.status == "done":
            noise = 10 ** (-(each.row.psnr_db or 0) / 20) * torch.randn_like(originals)
            write_atomically(out / "pictures" / f"{each.row.cell_id}.png", strip(originals, originals + noise))
    rebuild(out, [])
    return out
