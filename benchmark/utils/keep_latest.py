"""Methods that keep the results of their latest calls, for each object separately."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property, lru_cache, wraps
from typing import Any, Concatenate, ParamSpec, TypeVar, cast

Given = ParamSpec("Given")
Result = TypeVar("Result")


def keep_latest(
    count: int | None,
) -> Callable[[Callable[Concatenate[Any, Given], Result]], cached_property[Callable[Given, Result]]]:
    """Have a method compute each result once, while it is among the latest.

    ``functools.lru_cache`` on a method would keep the results of all objects together, and the objects alive.

    Args:
        count: how many results are kept for each object; None for all.
    """

    def decorate(method: Callable[Concatenate[Any, Given], Result]) -> cached_property[Callable[Given, Result]]:
        @wraps(method)
        def bound(owner: Any) -> Callable[Given, Result]:
            return cast(Callable[Given, Result], lru_cache(maxsize=count)(method.__get__(owner)))

        return cached_property(bound)

    return decorate
