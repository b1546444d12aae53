"""The suites inside the package. This module imports no torch."""

from __future__ import annotations

from pathlib import Path

_FOLDER = Path(__file__).parent / "suites"


def built_in() -> dict[str, Path]:
    """Return the suites inside the package, by name."""
    return {path.stem: path for path in sorted(_FOLDER.glob("*.toml"))}


def first_line(path: Path) -> str:
    """Return the comment that a suite file begins with."""
    return path.read_text(encoding="utf-8").partition("\n")[0].lstrip("# ")
