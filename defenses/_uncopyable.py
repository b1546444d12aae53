"""Objects that hold keys and are never duplicated."""

from __future__ import annotations

from typing import NoReturn


class Uncopyable:
    """Base class of objects that hold keys or a connection.

    A copy is the same object, since two message counters under one key would repeat nonces. Pickling raises TypeError.
    """

    def __copy__(self) -> Uncopyable:
        return self

    def __deepcopy__(self, memo: object) -> Uncopyable:
        return self

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError(f"Objects of {type(self).__name__} hold keys and cannot be pickled.")
