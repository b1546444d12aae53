"""Functions of torchvision on images, each recorded as one operation: they look at the type of what they are given."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

MODULES = ("torchvision.transforms.functional", "torchvision.transforms.v2.functional")


def image_modules() -> list[ModuleType]:
    """Return the modules of these functions, if the code of a network has imported them."""
    return [sys.modules[name] for name in MODULES if name in sys.modules]


def image_functions() -> tuple[Callable[..., Any], ...]:
    """Return these functions, such as ``normalize``."""
    found = [value for module in image_modules() for value in vars(module).values() if inspect.isfunction(value)]
    return tuple(each for each in found if each.__module__.startswith("torchvision.transforms."))
