"""Functions that an attack may call, and that show it nothing of what they work with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, NoReturn, ParamSpec, TypeVar, cast
from weakref import WeakKeyDictionary

Given = ParamSpec("Given")
Result = TypeVar("Result")

_WORK: WeakKeyDictionary[Opaque, Callable[..., object]] = WeakKeyDictionary()


class Opaque(Generic[Given, Result]):
    """A function without attributes: no arguments, closure or owner from which a model could be read.

    This keeps an attack from using by accident, or by an obvious shortcut, what its access does not grant. It is no
    protection against code that searches the memory of its own process.
    """

    __slots__ = ("__weakref__",)

    def __init__(self, work: Callable[Given, Result]) -> None:
        """Do ``work`` when called."""
        _WORK[self] = work

    def __call__(self, *args: Given.args, **kwargs: Given.kwargs) -> Result:
        """Do the work."""
        return cast(Result, _WORK[self](*args, **kwargs))

    def __copy__(self) -> Opaque[Given, Result]:
        """Itself, so that an observation can be copied."""
        return self

    def __deepcopy__(self, memo: object) -> Opaque[Given, Result]:
        """Itself, likewise."""
        return self

    def __reduce__(self) -> NoReturn:
        """Refuse to be taken to another process."""
        raise TypeError("what an attack may call stays in its process")
