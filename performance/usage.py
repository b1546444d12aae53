"""CPU seconds and peak memory of commands of the package, each in a separate process."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass

LAUNCHER = """
import os, subprocess, sys
process = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)
_, status, usage = os.wait4(process.pid, 0)
print(usage.ru_utime + usage.ru_stime, usage.ru_maxrss)
sys.exit(os.waitstatus_to_exitcode(status))
"""
"""Measures a command from a small process, since the peak of a new process includes that of its parent."""


@dataclass(frozen=True)
class Usage:
    """CPU seconds of a command, and its peak memory in MiB.

    Example:
        >>> print(Usage(1.25, 300))
        1.2 s, 300 MiB
    """

    cpu: float
    peak_mib: int

    def __str__(self) -> str:
        """Format both as a cell of a table."""
        return f"{self.cpu:.1f} s, {self.peak_mib} MiB"


def command(*words: str) -> Usage:
    """Run a command of the package and measure it.

    Raises:
        SystemExit: If the command fails.
    """
    done = subprocess.run(
        [sys.executable, "-c", LAUNCHER, sys.executable, "-m", "mia_bench", *words],
        capture_output=True,
        text=True,
    )
    if done.returncode:
        sys.exit(f"{' '.join(words)}\n{done.stderr}")
    cpu, peak = done.stdout.split()
    return Usage(float(cpu), int(peak) // 1024)
