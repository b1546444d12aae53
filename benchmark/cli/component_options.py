"""The free options of ``run``: ``--PARAM VALUE`` for any parameter of a chosen attack or defense."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..errors import UsageError
from ..plan.request import Request
from ..registry.literals import NoValue, Text, split_at_commas


def parse_request(rest: Sequence[str] | None, **given: Any) -> tuple[str | None, Request]:
    """Return the suite and the request of a command line.

    Args:
        rest: What the declared options leave over: a suite and free options.
        given: The fields of the request that have options of their own. None means that the option is missing.

    Raises:
        UsageError: If there are two suites, or a value is not allowed.
    """
    suite, options = parse_rest(rest or [])
    return suite, Request(**given, options=options)


def parse_rest(tokens: Sequence[str]) -> tuple[str | None, dict[str, list[Text]]]:
    """Divide what the command line leaves over into a suite and free options.

    An option without a value is a switch and means ``true``, which only parameters that are true or false take. Values
    separated by commas make a sweep, and so does an option that is repeated.

    Returns:
        The suite, if one is named, and the values of each option.

    Raises:
        UsageError: If there are two suites.
    """
    suites: list[str] = []
    options: dict[str, list[Text]] = {}
    left = list(tokens)
    while left:
        token = left.pop(0)
        if not token.startswith("--"):
            suites.append(token)
            continue
        name, equals, value = token.removeprefix("--").partition("=")
        values = options.setdefault(name.replace("-", "_"), [])
        if not equals and (not left or left[0].startswith("--")):
            values.append(NoValue("true"))
            continue
        written = value if equals else left.pop(0)
        values.extend(Text(part) if part else NoValue() for part in split_at_commas(written))
    if len(suites) > 1:
        given = " and ".join(map(repr, suites))
        raise UsageError(f"Expected at most one suite, got {given}. Write options with two hyphens.")
    return (suites[0] if suites else None), options
