"""Packages that only some features need, which ``pip`` installs as extras of this package."""

from __future__ import annotations

import importlib.util

from ..errors import UsageError


def require_extra(extra: str, *packages: str) -> None:
    """Raise if a package of an extra is missing. Nothing is imported.

    Args:
        extra: The name of the extra, as ``pyproject.toml`` declares it.
        packages: The packages that are needed, as they are imported.

    Raises:
        UsageError: If one of them is not installed.

    Example:
        >>> require_extra("figures", "torch")
    """
    for package in packages:
        if importlib.util.find_spec(package) is None:
            raise UsageError(
                f"Expected the package {package}, which is not installed. Run: pip install 'mia-bench[{extra}]'."
            )
