"""Objects that hold keys and are never duplicated."""

from __future__ import annotations

from typing import NoReturn


class Unique:
    """Holds keys, or a connection: a copy is the same object, since two counters under one key would repeat nonces."""

    def __copy__(self) -> Unique:
        return self

    def __deepcopy__(self, memo: object) -> Unique:
        return self

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError(f"a {type(self).__name__} holds keys, so it cannot be pickled")
