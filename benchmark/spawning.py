"""Worker processes that are started from scripts and notebooks."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without_main() -> Iterator[None]:
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
