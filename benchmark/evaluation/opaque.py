"""Functions that an attack may call, but not inspect."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, NoReturn, ParamSpec, TypeVar, cast
from weakref import WeakKeyDictionary

Given = ParamSpec("Given")
Result = TypeVar("Result")

_WORK: WeakKeyDictionary[Opaque, Callable[..., object]] = WeakKeyDictionary()


class Opaque(Generic[Given, Result]):
    """Wrap a function so that it has no attributes, such as arguments or a closure, from which a model could be read.

    This prevents an attack from using by accident, or by an obvious shortcut, what its access does not grant. It does
    not protect against code that searches the memory of the process.

    Example:
        >>> double = Opaque(lambda number: 2 * number)
        >>> double(21)
        42
    """

    __slots__ = ("__weakref__",)

    def __init__(self, work: Callable[Given, Result]) -> None:
        """Wrap ``work``."""
        _WORK[self] = work

    def __call__(self, *args: Given.args, **kwargs: Given.kwargs) -> Result:
        """Call the wrapped function."""
        return cast(Result, _WORK[self](*args, **kwargs))

    def __copy__(self) -> Opaque[Given, Result]:
        """Return the same object, so that an observation can be copied."""
        return self

    def __deepcopy__(self, memo: object) -> Opaque[Given, Result]:
        """Return the same object, so that an observation can be copied deeply."""
        return self

    def __reduce__(self) -> NoReturn:
        """Raise TypeError, since the function cannot be sent to another process."""
        raise TypeError("A function that an attack may call stays in its process.")
