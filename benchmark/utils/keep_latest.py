"""A decorator for methods that keep the results of their latest calls, separately for each object."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property, lru_cache, wraps
from typing import Any, Concatenate, ParamSpec, TypeVar, cast

Given = ParamSpec("Given")
Result = TypeVar("Result")


def keep_latest(
    count: int | None,
) -> Callable[[Callable[Concatenate[Any, Given], Result]], cached_property[Callable[Given, Result]]]:
    """Cache the latest results of a method, separately for each object.

    ``functools.lru_cache`` on a method would share one cache among all objects and keep the objects in memory.

    Args:
        count: Number of results that are kept for each object. None keeps all.
    """

    def decorate(method: Callable[Concatenate[Any, Given], Result]) -> cached_property[Callable[Given, Result]]:
        @wraps(method)
        def bound(owner: Any) -> Callable[Given, Result]:
            return cast(Callable[Given, Result], lru_cache(maxsize=count)(method.__get__(owner)))

        return cached_property(bound)

    return decorate
