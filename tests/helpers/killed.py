"""Runs the same command over and over, each time in a fork that is killed at a random moment; see ``test_kills.py``.

Usage: python killed.py KILLS ARGUMENTS.. --out FOLDER

When a run comes to its end before it is killed, ``ROUND`` in FOLDER becomes the next number. Prints for each kill the
folder and the records in it.
"""

import os
import random
import signal
import sys
import time
from pathlib import Path

import torch
from mia_bench.benchmark.cli import (
    app,
    run,  # noqa: F401  the imports take longer than the run
)

MOMENTS = random.Random(0)


def count(out: Path) -> int:
    """How many cells have a record."""
    return len(list((out / "cells").glob("*.json")))


def attempt(arguments: list[str], out: Path) -> bool:
    """Run in a fork and kill it some moments after its next records; whether it was still running."""
    enough = count(out) + MOMENTS.randrange(4)
    child = os.fork()
    if child == 0:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        app([*arguments, str(out)])
        os._exit(1)  # unreachable: the command ends the process
    while count(out) < enough and os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
        time.sleep(0.001)
    time.sleep(MOMENTS.uniform(0, 0.2))
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    if not os.WIFSIGNALED(status) and os.WEXITSTATUS(status) != 0:
        sys.exit(f"a run ended with {os.WEXITSTATUS(status)}")
    return os.WIFSIGNALED(status)


def main() -> None:
    """Kill until there are enough kills."""
    torch.set_num_threads(1)
    kills, arguments, name = int(sys.argv[1]), sys.argv[2:-1], sys.argv[-1]
    killed = number = 0
    while killed < kills:
        out = Path(name.replace("ROUND", str(number)))
        if attempt(arguments, out):
            killed += 1
            print(out, count(out))
        else:
            number += 1


if __name__ == "__main__":
    main()
