"""Run ``mia-bench check``."""

from __future__ import annotations

from pathlib import Path

from ..checks.separate_process import check_separately
from ..utils.texts import say


def check(target: str, *, data_dir: Path | None) -> int:
    """Check what a name or ``module:Class`` stands for, and print one line for each check.

    Args:
        target: As for ``named_components``.
        data_dir: Where a dataset finds its data.

    Returns:
        The exit code: 1 if a check failed, else 0.

    Raises:
        UsageError: If the component does not exist or cannot be created, or the files of a dataset are missing.
    """
    return 1 if check_separately(target, data_dir=data_dir, tell=say) else 0
