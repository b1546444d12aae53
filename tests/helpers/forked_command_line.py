"""Runs the command line in a fork: with the arguments ``WORDS``, output to ``FILES``, and Ctrl-C as in a terminal."""

import os
import signal
import sys

for number, name in enumerate(FILES, start=1):  # noqa: F821  # pyright: ignore[reportUndefinedVariable]
    os.dup2(os.open(name, os.O_WRONLY | os.O_CREAT), number)
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
sys.argv = ["mia-bench", *WORDS]  # noqa: F821  # pyright: ignore[reportUndefinedVariable]

from mia_bench.benchmark.cli import app  # noqa: E402

app()
