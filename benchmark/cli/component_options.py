"""The free options of ``run``: ``--PARAM VALUE`` for any parameter of a chosen attack or defense."""

from __future__ import annotations

from collections.abc import Sequence

from ..errors import UsageError
from ..registry.literals import Text, divide


def parse_rest(tokens: Sequence[str]) -> tuple[str | None, dict[str, list[Text]]]:
    """Divide what the command line leaves over into a suite and free options.

    An option without a value is a switch and means ``true``; values separated by commas make a sweep.

    Returns:
        The suite, if one is named, and the values of each option.

    Raises:
        UsageError: if there are two suites, or one option twice.
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
        if not equals:
            value = left.pop(0) if left and not left[0].startswith("--") else "true"
        name = name.replace("-", "_")
        if name in options:
            raise UsageError(f"the option --{name} is given twice; for a sweep write --{name} A,B")
        options[name] = [Text(part) for part in divide(value)]
    if len(suites) > 1:
        raise UsageError(f"{' and '.join(map(repr, suites))} are given; expected at most one suite")
    return (suites[0] if suites else None), options
