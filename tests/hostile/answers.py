"""How the command line answers one odd input."""

import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mia_bench.benchmark.cli import app
from typer.testing import CliRunner, Result

SECONDS = 600
"""Time after which a command counts as hanging, on a machine that is busy with other work, too."""
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
"""Control characters, beside line breaks and tabs, which could drive a terminal."""


def answer(*words: str | Path) -> Result:
    """Run ``mia-bench`` with these words, and check what every answer must be.

    It ends in time with exit code 0, 1 or 2 and without a traceback; nothing that it prints drives the terminal; an
    error is one sentence on stderr.
    """
    with time_limit(SECONDS):
        result = CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=False)
    assert result.exit_code in (0, 1, 2), result.output
    assert "Traceback" not in result.output
    assert not CONTROL.search(result.output), repr(result.output)
    if result.exit_code == 2:
        assert result.stdout == ""
        lines = result.stderr.splitlines()
        assert lines[-1].startswith("Error: "), result.stderr
        assert len(lines[-1]) < 1000, result.stderr
    return result


def refusal(*words: str | Path) -> str:
    """Return the sentence with which ``mia-bench`` refuses these words."""
    result = answer(*words)
    assert result.exit_code == 2, result.output
    return result.stderr.splitlines()[-1]


@contextmanager
def time_limit(seconds: int) -> Iterator[None]:
    """Raise TimeoutError in code that takes longer."""

    def expire(number: int, frame: object) -> None:
        raise TimeoutError(f"no answer within {seconds} s")

    before = signal.signal(signal.SIGALRM, expire)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
