"""The columns that tables show, and their decimals."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pandas import DataFrame

DECIMALS = {
    "psnr_db": 2,
    "psnr_db_low": 2,
    "psnr_db_high": 2,
    "leak_db": 2,
    "bound_psnr_db": 2,
    "attack_gap_db": 2,
    "wire_bytes": 0,
    "client_macs": 0,
    "client_params": 0,
    "epsilon": 3,
    "rounds": 0,
    "bytes_down": 0,
    "client_param_bytes": 0,
    "client_peak_bytes": 0,
    "client_param_kb": 1,
    "client_mmacs": 2,
    "client_peak_kb": 1,
    "wire_kb_float32": 2,
    "wire_kb_int8": 2,
    "wire_kb": 2,
    "client_ms": 3,
    "client_ms_modelled": 3,
    "latency_ms_modelled": 2,
    "energy_mj_modelled": 2,
    "utility": 3,
    "identified": 3,
}
"""Decimals of columns; all others have four."""

SCENARIO_COLUMNS = ("dataset", "model", "split", "n_images")
"""Columns that name a scenario, within which defenses are compared."""

SHOWN = [
    *("accuracy", "utility", "utility_metric", "agreement"),
    *("psnr_db", "ssim", "identified", "bound_identified", "leak_r2", "bound_psnr_db"),
    *("lpips", "ms_ssim", "imagenet_distance"),
    *("epsilon", "attack_seconds", "status"),
]
"""Columns of the table that ``run`` ends with, beside the names."""
BESIDE_ACCURACY = ["utility", "utility_metric", "agreement"]
"""Those of them that are left out where the utility of all rows is their accuracy."""


def shown_columns(frame: DataFrame) -> DataFrame:
    """Return the columns of a leaderboard that ``run`` shows, without empty ones, and without the accuracy twice."""
    filled = [name for name in SHOWN if frame[name].notna().tolist().count(True)]
    metrics = set(frame["utility_metric"].dropna().tolist())
    hidden = BESIDE_ACCURACY if metrics <= {"accuracy"} else []
    return frame.loc[:, [name for name in filled if name not in hidden]]
