"""Writes ``benchmark/runner/timings.csv`` for the estimates of ``run --dry-run``: median seconds of finished cells.

Run: python performance/timings.py results/reference/*.csv RESULTS_DIR ... > benchmark/runner/timings.csv
A leaderboard gives the seconds of attacks; a results folder also those of defenses.
"""

import argparse
import csv
import sys
from collections import defaultdict
from pathlib import Path
from statistics import median

from mia_bench.benchmark.leaderboard.loading import load_boards

NAMES = ["dataset", "model", "split", "defense", "attack", "n_images"]


def main() -> None:
    """Read boards and print their medians."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("boards", type=Path, nargs="+", metavar="BOARD", help="leaderboards and results folders")
    rows, records = load_boards(parser.parse_args().boards)
    protects, attacks, macs = defaultdict(list), defaultdict(list), defaultdict(list)
    for row in rows:
        names = tuple(str(getattr(row, name)).partition(":")[0] for name in NAMES)
        if row.attack_seconds is not None and row.status == "done":
            attacks[names].append(row.attack_seconds)
            macs[names].append(row.client_macs or 0)
        details = records[row.cell_id].details if row.cell_id in records else {}
        if "protect_seconds" in details:
            protects[names].append(details["protect_seconds"])
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow([*NAMES, "protect_seconds", "attack_seconds", "client_macs"])
    for names in sorted({*protects, *attacks}):
        found = [f"{median(each[names]):.3g}" if names in each else "" for each in (protects, attacks)]
        writer.writerow([*names, *found, f"{median(macs[names]):.0f}" if any(macs[names]) else ""])


if __name__ == "__main__":
    main()
