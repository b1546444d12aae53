"""Start of worker processes from scripts and notebooks, and how processes ended."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without_main_module() -> Iterator[None]:
    """Prevent processes that are started in this block from importing the main script.

    Worker processes need nothing from the main script, and a script without ``if __name__ == "__main__"`` would run
    again in each of them. Put only the start of the process into the block: libraries that look for the main script
    would not find it there.
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
    """Describe in words how a process ended, from its exit code.

    Example:
        >>> ending(-9)
        'killed by SIGKILL, as when memory runs out'
    """
    if code is not None and code < 0:
        name = signal.Signals(-code).name
        return f"killed by {name}" + (", as when memory runs out" if name == "SIGKILL" else "")
    return f"exit code {code}"
