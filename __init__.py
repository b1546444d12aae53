"""mia-bench: reconstruction attacks against split neural-network inference, crossed with defenses.

Importing this package does not import torch; the public names below load on first use, and
``__init__.pyi`` tells editors their types. The package logs below the
logger ``mia_bench``, and prints nothing of it unless a program configures ``logging`` or shows a run.
"""

import logging
import random
from importlib import import_module
from typing import Any

logging.getLogger(__name__).addHandler(logging.NullHandler())

_PUBLIC = {
    **dict.fromkeys(
        ("Access", "Attack", "Component", "Dataset", "Defense", "ImageSet", "Model", "Observation", "Pools", "Wire"),
        "interfaces",
    ),
    **dict.fromkeys(("Channel", "Exchange", "Promise", "Reconstruction", "SplitModel", "Target"), "interfaces"),
    "drop_low_bits": "interfaces",
    **dict.fromkeys(("Inapplicable", "UsageError"), "errors"),
    **dict.fromkeys(("psnr", "ssim"), "metrics"),
    **dict.fromkeys(("train_jointly", "tune_server"), "training"),
    **dict.fromkeys(("Leak", "Result", "leak", "plot", "rank", "run"), "api"),
}
__all__ = ["__version__", *_PUBLIC]  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    """Load a public name from the module that owns it, and keep the random numbers of the program as they are."""
    if name == "__version__":
        from importlib.metadata import version

        return version("mia-bench")
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    before = random.getstate()
    module = import_module(f".benchmark.{_PUBLIC[name]}", __name__)  # imports rich, which draws random numbers
    random.setstate(before)
    globals()[name] = getattr(module, name)  # so that this is done once
    return globals()[name]


def __dir__() -> list[str]:
    """List the public names."""
    return sorted(__all__)
