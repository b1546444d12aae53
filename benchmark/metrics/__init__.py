"""Functions of images and models: quality, leakage, bounds, intervals and costs."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .image_quality import accuracy, psnr, ssim
    from .intervals import interval

__all__ = ["accuracy", "interval", "psnr", "ssim"]


def __getattr__(name: str) -> Any:
    """Load a function on first use, since leaderboards need the intervals but not torch."""
    if name not in __all__:
        raise AttributeError(f"The module {__name__!r} has no attribute {name!r}.")
    return getattr(import_module(".intervals" if name == "interval" else ".image_quality", __name__), name)


def __dir__() -> list[str]:
    return __all__
