"""Standard streams that can be written even if they are closed, or if nobody reads them any more."""

from __future__ import annotations

import io
import os
import stat
import sys
from typing import TYPE_CHECKING, TextIO, cast

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


def use_patient_streams() -> None:
    """Replace stdout and stderr so that a reader that stops early, as ``head`` does, changes nothing for this process.

    What nobody reads is lost, and the process continues with the same exit code. Other errors are raised as before.
    """
    sys.stdout, sys.stderr = _patient(sys.stdout), _patient(sys.stderr)


def _patient(stream: TextIO | None) -> TextIO:
    if stream is None:  # The process was started with the stream closed.
        return open(os.devnull, "w", encoding="utf-8")
    mode = os.fstat(stream.fileno()).st_mode
    if not (stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)):
        return stream
    standard = cast(io.TextIOWrapper, stream)
    return io.TextIOWrapper(
        io.BufferedWriter(_Patient(standard.fileno(), "wb", closefd=False)),
        encoding=standard.encoding,
        errors=standard.errors,
        line_buffering=standard.line_buffering,
        write_through=standard.write_through,
    )


class _Patient(io.FileIO):
    """A pipe, which loses what is written into it once it has no reader."""

    def write(self, content: ReadableBuffer, /) -> int:
        """Write bytes, and return how many."""
        try:
            return super().write(content)
        except BrokenPipeError:
            return memoryview(content).nbytes
