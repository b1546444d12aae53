"""Write a profile of this device: the command ``mia-bench profile``."""

from __future__ import annotations

from pathlib import Path

from ..splits.profiling import measured_profile
from ..utils.atomic_files import write_output
from .output_names import require_suffix


def write_profile(path: Path) -> Path:
    """Run ``mia-bench profile``.

    Raises:
        UsageError: If the name does not end in .toml, or the file cannot be written.
    """
    require_suffix(path, (".toml",))
    return write_output(path, measured_profile().encode())
