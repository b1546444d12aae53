"""Start-up time of commands: the median of several runs each, and the ratio to a bare interpreter.

Run: python performance/startup.py [--runs 7] [--only list]
"""

import argparse
import sys
import tempfile
from pathlib import Path

from measuring import Spent, in_process, median_of


def seconds(command: list[str], runs: int) -> Spent:
    """Measure a command; return the median of several runs, after one run to warm up."""
    in_process(command)
    return median_of([in_process(command) for _ in range(runs)])


def main() -> None:
    """Print one line for each command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--only", default="", help="measure the commands with this in their names")
    options = parser.parse_args()
    program = [sys.executable, "-m", "mia_bench"]
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
            "python -c 'import torch'": [sys.executable, "-c", "import torch"],
            "mia-bench --help": [*program, "--help"],
            "mia-bench list": [*program, "list"],
            "mia-bench run --dry-run": [*program, *job, "--dry-run"],
            "mia-bench run, all done before": [*program, *job],
        }
        bare = seconds([sys.executable, "-c", "pass"], options.runs)
        print(f"{'python -c pass':32} {bare}")
        for name, command in commands.items():
            if options.only in name:
                measured = seconds(command, options.runs)
                print(f"{name:32} {measured}  {measured.over(bare)[1]:6.1f} x by CPU time")


if __name__ == "__main__":
    main()
