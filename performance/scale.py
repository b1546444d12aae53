"""CPU seconds and memory of the commands that handle whole plans, by the number of cells, whose scores are simulated.

Run: python performance/scale.py [--cells 100 1000 10000] [--splits conv1 ...] [--attacks ridge ...]
"""

from __future__ import annotations

import argparse
import random
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from measuring import machine
from mia_bench import __version__
from mia_bench.benchmark.evaluation.artifacts import Artifacts
from mia_bench.benchmark.leaderboard.records import Record, Row
from mia_bench.benchmark.leaderboard.store import rebuild, write_record
from mia_bench.benchmark.plan.references import PROTOCOL
from mia_bench.benchmark.plan.request import Request
from mia_bench.benchmark.runner.options import RunOptions
from mia_bench.benchmark.runner.resume import PlannedCell, prepare, remember_plan
from usage import command

IMAGES = 64
SPLITS = ("conv1", "relu1", "pool1", "conv2", "pool2")
ATTACKS = ("ridge", "white_box", "black_box", "map_pca")
SEEDS = (0, 1)


@dataclass(frozen=True)
class Grid:
    """A plan of about so many cells: strengths of noise at each split, under each attack, at each seed.

    Example:
        Grid(10_000, splits=["conv1"], attacks=["ridge"]) has 2,499 settings in one scenario.
    """

    cells: int
    splits: Sequence[str] = SPLITS
    attacks: Sequence[str] = ATTACKS

    @property
    def sigmas(self) -> list[str]:
        """The strengths of noise, as many as the cells need."""
        each = len(self.splits) * (len(self.attacks) + 1) * len(SEEDS)
        return [f"{0.01 * step:.2f}" for step in range(1, max(2, self.cells // each))]

    def words(self) -> list[str]:
        """Return the words of the command line that ask for the plan."""
        lists = {"--split": self.splits, "--attack": self.attacks, "--seed": map(str, SEEDS), "--sigma": self.sigmas}
        words = [word for option, values in lists.items() for word in (option, ",".join(values))]
        return [*words, "--images", str(IMAGES), "--defense", "dp_ir"]

    def planned(self, out: Path) -> tuple[list[PlannedCell], Artifacts]:
        """Plan the same cells in Python."""
        request = Request(
            splits=self.splits,
            attacks=self.attacks,
            defenses=[f"dp_ir:sigma={sigma}" for sigma in self.sigmas],
            seeds=SEEDS,
            images=IMAGES,
        )
        artifacts = Artifacts(device=torch.device("cpu"), data_dir=None)
        return prepare([request], RunOptions(out=out), artifacts), artifacts


def simulated(planned: list[PlannedCell]) -> Iterator[Record]:
    """Make a record of each cell with random scores."""
    draw = random.Random(0)
    for each in planned:
        scores = [draw.gauss(20, 3) for _ in range(IMAGES)]
        similar = [min(1.0, max(0.0, draw.gauss(0.4, 0.1))) for _ in range(IMAGES)]
        mean, share = sum(scores) / IMAGES, sum(value >= 0.3 for value in similar) / IMAGES
        row = Row(
            **each.cell.columns,
            access=each.cell.attack.component.access.value,
            protocol=PROTOCOL,
            code_version=__version__,
            torch_version=torch.__version__,
            device="cpu",
            finished_at="2026-01-01T00:00:00.000+00:00",
            accuracy=0.8,
            accuracy_undefended=0.82,
            accuracy_images=560,
            utility=0.8,
            utility_metric="accuracy",
            task="classification",
            psnr_db=round(mean, 5),
            psnr_db_low=mean - 1,
            psnr_db_high=mean + 1,
            ssim=round(sum(similar) / IMAGES, 5),
            ssim_low=0.3,
            ssim_high=0.5,
            recognisable=share,
            guarantee="none",
            wire_bytes=1600.0,
            client_macs=790400,
            client_params=3824,
            status="done",
            cell_id=each.cell_id,
        )
        yield Record(row=row, per_image={"psnr_db": scores, "ssim": similar})


def commands(words: list[str], out: Path, scratch: Path) -> dict[str, list[str]]:
    """Return the words of each command, by its name in the table."""
    submission = str(scratch / "submission.zip")
    return {
        "plan": ["run", *words, "--out", str(scratch / "none"), "--dry-run"],
        "resume": ["run", *words, "--out", str(out), "--quiet"],
        "status": ["status", str(out)],
        "rank": ["rank", str(out)],
        "rank (CSV)": ["rank", str(out / "leaderboard.csv")],
        "audit": ["audit", str(out)],
        "compare": ["compare", str(out), str(out)],
        "report": ["report", str(out), "-o", str(scratch / "report.html")],
        "merge": ["merge", str(out), "-o", str(scratch / "merged")],
        "submit": ["submit", str(out), "-o", submission],
        "verify": ["verify", submission, "--cells", "0"],
    }


def simulate(grid: Grid, out: Path) -> None:
    """Write a results folder with the cells of a plan."""
    planned, artifacts = grid.planned(out)
    for record in simulated(planned):
        write_record(out, record)
    rebuild(out, remember_plan(planned, out, artifacts))


def main() -> None:
    """Print a table, one line per command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", type=int, nargs="*", default=[100, 1000, 10000])
    parser.add_argument("--splits", nargs="*", default=SPLITS, help="each is a scenario; fewer have more settings each")
    parser.add_argument("--attacks", nargs="*", default=ATTACKS)
    parser.add_argument("--only", nargs="*", help="commands to measure; all when none is named")
    options = parser.parse_args()
    print(f"{machine()}\n\n| cells | command | CPU time, peak memory |\n|---|---|---|")
    for cells in options.cells:
        with tempfile.TemporaryDirectory() as scratch:
            out = Path(scratch) / "results"
            grid = Grid(cells, options.splits, options.attacks)
            simulate(grid, out)
            for name, given in commands(grid.words(), out, Path(scratch)).items():
                if not options.only or name in options.only:
                    print(f"| {cells:,} | {name} | {command(*given)} |", flush=True)


if __name__ == "__main__":
    main()
