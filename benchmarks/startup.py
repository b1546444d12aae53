"""How long commands take to answer: the median of several runs each, and the ratio to a bare interpreter.

Run: python benchmarks/startup.py
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

RUNS = 7


def seconds(command: list[str]) -> float:
    """The median time of a command, after one run to warm up."""
    times = []
    for _ in range(RUNS + 1):
        start = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        times.append(time.perf_counter() - start)
    return median(times[1:])


def main() -> None:
    """Print one line for each command."""
    program = [sys.executable, "-m", "mia_bench.benchmark.cli"]
    with tempfile.TemporaryDirectory() as folder:
        job = [
            "run",
            "--attack",
            "ridge",
            "--defense",
            "dp_ir",
            "--images",
            "8",
            "--out",
            str(Path(folder) / "results"),
        ]
        commands = {
            "python -c pass": [sys.executable, "-c", "pass"],
            "python -c 'import torch'": [sys.executable, "-c", "import torch"],
            "mia-bench --help": [*program, "--help"],
            "mia-bench list": [*program, "list"],
            "mia-bench run --dry-run": [*program, *job, "--dry-run"],
            "mia-bench run, all done before": [*program, *job],
        }
        bare = seconds(commands["python -c pass"])
        for name, command in commands.items():
            measured = seconds(command)
            print(f"{name:32} {measured:6.2f} s  {measured / bare:6.1f} x")


if __name__ == "__main__":
    main()
