"""Worker processes that are started from scripts and notebooks."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without_main_module() -> Iterator[None]:
    """Have processes that are started in this block not import the main script.

    They need nothing from it, and a script without ``if __name__ == "__main__"`` would run again in each of them. Only
    the start belongs in the block: libraries that look at the main script in it would find none.
    """
    main = sys.modules["__main__"]
    hidden = {name: vars(main)[name] for name in ("__file__", "__spec__") if vars(main).get(name) is not None}
    for name in hidden:
        setattr(main, name, None)
    try:
        yield
    finally:
        for name, value in hidden.items():
            setattr(main, name, value)


def ending(code: int | None) -> str:
    """How a process ended, in words, from its exit code."""
    if code is not None and code < 0:
        name = signal.Signals(-code).name
        return f"killed by {name}" + (", as when memory runs out" if name == "SIGKILL" else "")
    return f"exit code {code}"
