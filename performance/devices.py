"""The same cells on the CPU and on a CUDA device: seconds of each attack side by side, and whether the scores agree.

Run: python performance/devices.py [--devices cpu cuda] [--attacks white_box black_box ...] [options of `mia-bench run`]

All devices attack the same trained target: the first one trains it, the others take it from the cache. Scores differ
by the order in which a device adds, and by its random numbers; they agree if they lie in each other's 95 % intervals.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd
import torch

ATTACKS = ["ridge", "white_box", "map_pca", "black_box", "query_free", "auto"]
DEFENSES = ["dp_ir:sigma=0.1"]


def board_of(device: str, words: list[str], folder: Path) -> tuple[pd.DataFrame, float]:
    """Run the cells on one device.

    Args:
        device: ``cpu`` or ``cuda``.
        words: The other arguments of ``mia-bench run``.
        folder: Holds the cache, shared by all devices unless ``MIA_BENCH_CACHE`` names one, and the results.

    Returns:
        The leaderboard, and the seconds by the clock of the whole command.
    """
    out = folder / device
    command = [sys.executable, "-m", "mia_bench", "run", *words, "--device", device, "--out", str(out)]
    start = time.perf_counter()
    done = subprocess.run(
        command, capture_output=True, text=True, env={"MIA_BENCH_CACHE": str(folder / "cache"), **os.environ}
    )
    if not (out / "leaderboard.csv").exists():
        sys.exit(done.stderr)
    return pd.read_csv(out / "leaderboard.csv"), time.perf_counter() - start


def side_by_side(boards: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Join the boards of several devices, one line per attack and defense.

    Args:
        boards: The leaderboard of each device, the reference device first.

    Returns:
        Seconds of the attack and PSNR in dB on each device, how many times as fast each is as the first, and whether
        its PSNR lies within the interval of the first, or the first within its own.
    """
    cells = ["defense", "defense_params", "attack", "attack_params"]
    first, *others = boards
    table = boards[first].set_index(cells)
    lines = table[["status"]].rename(columns={"status": f"status {first}"})
    lines[f"{first} s"], lines[f"{first} dB"] = table.attack_seconds, table.psnr_db
    for name in others:
        other = boards[name].set_index(cells).reindex(table.index)
        lines[f"status {name}"], lines[f"{name} s"], lines[f"{name} dB"] = (
            other.status,
            other.attack_seconds,
            other.psnr_db,
        )
        lines[f"{name} times as fast"] = table.attack_seconds / other.attack_seconds
        within = other.psnr_db.between(table.psnr_db_low, table.psnr_db_high)
        lines[f"{name} agrees"] = within | table.psnr_db.between(other.psnr_db_low, other.psnr_db_high)
    return lines.reset_index().drop(columns=["defense_params", "attack_params"])


def main() -> None:
    """Print the devices, the seconds of each whole run, and one line per cell."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--devices", nargs="*", default=["cpu", "cuda"])
    parser.add_argument("--attacks", nargs="*", default=ATTACKS)
    parser.add_argument("--defenses", nargs="*", default=DEFENSES)
    options, words = parser.parse_known_args()
    words += [word for name in options.attacks for word in ("--attack", name)]
    words += [word for name in options.defenses for word in ("--defense", name)]
    card = torch.cuda.get_device_name() if torch.cuda.is_available() else "no CUDA device"
    print(f"torch {torch.__version__}, {torch.get_num_threads()} CPU threads, {card}")
    with tempfile.TemporaryDirectory() as folder:
        boards = {}
        for device in sorted(options.devices, reverse=True):  # CUDA trains the target
            boards[device], seconds = board_of(device, words, Path(folder))
            board = boards[device]
            print(f"{device}: {seconds:.1f} s, {(board.status == 'done').sum()} of {len(board)} cells done")
            print(board[["attack", "attack_seconds", "psnr_db"]].to_string(index=False), flush=True)
            for reason in board.reason.dropna().unique():
                print(f"  {reason}", flush=True)
    table = side_by_side({device: boards[device] for device in options.devices})
    print(table.to_string(index=False, float_format="{:.4g}".format))


if __name__ == "__main__":
    main()
