"""How far client_ms differs between runs: ten processes measure the client of every cut of a network.

Each process measures each cut as a cell does, and also the processor time of the same calls, which other processes
on the machine lengthen less. The spread is the difference between the slowest and the fastest run in percent of the
median. An untrained network takes as long as a trained one.

Run: python performance/client_ms.py --data-dir DIR [--dataset mnist] [--model lenet5] [--split relu1 ...] [--runs 10]
"""

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from typing import Any

import pandas as pd
import torch
from measuring import machine
from mia_bench.benchmark.evaluation.artifacts import Artifacts
from mia_bench.benchmark.metrics.costs import Timing, measure_costs
from mia_bench.benchmark.plan.expansion import plan
from mia_bench.benchmark.plan.request import Request
from mia_bench.benchmark.runner.pinning import pin_cells

CPU_CALLS = 50
"""Calls whose processor time is measured."""


def measure(
    dataset: str, model: str | None, splits: list[str], data_dir: Path | None
) -> dict[str, tuple[float, float]]:
    """Return milliseconds by the clock and of the processor, of the client of each cut."""
    torch.set_num_threads(1)
    bench = Artifacts(device=torch.device("cpu"), data_dir=data_dir)
    place: dict[str, Any] = {"dataset": dataset, "model": model, "splits": splits}
    request = Request(**place, attacks=["mean_image"], defenses=["undefended"], images=1)
    found = {}
    for setting in dict.fromkeys(cell.setting for cell in pin_cells(plan(request), bench)):
        target = bench.targets.structure(setting.dataset, setting.model)
        image = torch.rand(1, *bench.facts(setting.dataset).image_shape)
        split = target.split(setting.split)
        split.modules().eval().requires_grad_(False)
        costs = measure_costs(split, image, split.copy())
        spent = []
        for _ in range(CPU_CALLS):
            start = time.thread_time()
            split.send(image)
            spent.append(1000 * (time.thread_time() - start))
        found[setting.split] = [costs.client_ms, Timing.of(spent).ms]
    return found


def spread(values: list[float]) -> float:
    """Return the difference between the largest and the smallest value, in percent of the median."""
    return 100 * (max(values) - min(values)) / median(values)


def summary(runs: list[dict[str, list[float]]]) -> pd.DataFrame:
    """Return the median and the spread of each cut over runs, by the clock and of the processor."""
    lines = []
    for split in runs[0]:
        wall, cpu = ([run[split][place] for run in runs] for place in (0, 1))
        lines.append(
            {
                "split": split,
                "client_ms": median(wall),
                "spread %": spread(wall),
                "of the processor, ms": median(cpu),
                "its spread %": spread(cpu),
            }
        )
    return pd.DataFrame(lines)


def main() -> None:
    """Print one line for each cut, and the largest spreads."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", default="mnist")
    parser.add_argument("--model")
    parser.add_argument("--split", nargs="*", default=["all"])
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--once", action="store_true", help=argparse.SUPPRESS)
    words, _ = parser.parse_known_args()
    if words.once:
        print(json.dumps(measure(words.dataset, words.model, words.split, words.data_dir)))
        return
    command = [sys.executable, __file__, *sys.argv[1:], "--once"]
    outputs = [subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout for _ in range(words.runs)]
    runs = [json.loads(output.splitlines()[-1]) for output in outputs]
    frame = summary(runs)
    print(f"{machine()}; {words.runs} runs")
    print(frame.to_markdown(index=False, floatfmt=".3g"))
    wall, cpu = frame["spread %"].max(), frame["its spread %"].max()
    print(f"Largest spread: {wall:.1f} % by the clock, {cpu:.1f} % of the processor")


if __name__ == "__main__":
    main()
