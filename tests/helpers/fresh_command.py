"""A command in a process, which starts in milliseconds: it is a fork of a process that has imported torch."""

import runpy
from pathlib import Path

from mia_bench.benchmark.utils.spawn import start_fresh

SCRIPT = Path(__file__).with_name("forked_command_line.py")


class FreshCommand:
    """A running command, with the interface of ``subprocess.Popen``."""

    def __init__(self, *words: str | Path, logs: Path) -> None:
        """Start a command, with the environment variables and the search path of this process.

        Args:
            words: Its arguments.
            logs: A new folder for its output.
        """
        logs.mkdir()
        self._files = [str(logs / name) for name in ("stdout", "stderr")]
        self._process = start_fresh(runpy.run_path, str(SCRIPT), {"FILES": self._files, "WORDS": list(map(str, words))})
        assert self._process.pid is not None
        self.pid = self._process.pid

    @property
    def returncode(self) -> int | None:
        return self._process.exitcode

    def poll(self) -> int | None:
        return self._process.exitcode

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """Wait for the end of the command and return its stdout and stderr."""
        self._process.join(timeout)
        assert self._process.exitcode is not None, f"still running after {timeout} s"
        stdout, stderr = (Path(name).read_text() for name in self._files)
        return stdout, stderr
