"""What a run says before it begins."""

from __future__ import annotations

from collections.abc import Iterator

from ..utils.plurals import count_of
from .estimates import RunEstimate, duration

LONG_SECONDS = 600
"""Time from which a run names a shorter one."""
SHORT_RUN = "mia-bench run --defense dp_ir --attack ridge"
"""A run of about a minute on the default dataset."""


def opening(cells: int, need: RunEstimate, shared: str) -> Iterator[str]:
    """Yield how many cells will be computed and how long that takes; for a long run, also a shorter one.

    Args:
        cells: Number of cells of the plan.
        need: What those need that are not finished.
        shared: What all of these share, in words.
    """
    todo, done = len(need.by_cell), cells - len(need.by_cell)
    if not todo:
        yield "The only cell is already done." if cells == 1 else f"All {cells} cells are already done."
        return
    running = f"{todo} of {count_of(cells, 'cell')} ({done} already done)" if done else count_of(todo, "cell")
    yield f"Running {running}{shared and f': {shared}'}."
    unknown = f" Cells without timing data, which are not included: {need.unknown}." if need.unknown else ""
    yield f"Expected time: about {duration(need.seconds)}.{unknown}"
    if need.seconds >= LONG_SECONDS:
        yield f"Finished cells are saved, so the run can be interrupted. For a quick look: {SHORT_RUN}"
