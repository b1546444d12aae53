"""What can go wrong in a way that a person can mend, and errors in words."""

from __future__ import annotations

import re

LONGEST = 1000
"""Characters of an error that are worth keeping."""
_NO_TEXT = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\s]+")
"""White space, control characters, which could drive a terminal, and halves of characters, which no file can hold."""


class UsageError(Exception):
    """Bad usage or bad input: the message is one sentence saying what is wrong, what was given, what is allowed."""


class Inapplicable(Exception):
    """An attack or a defense has no meaning for this cell; the message is the row's ``reason``."""


def describe(error: BaseException) -> str:
    """The type and the message of any exception, on one line of at most 1,000 characters; never raises."""
    message, name = message_of(error), clean(type(error).__name__)
    return clean(f"{name}: {message}" if message else name)


def message_of(error: BaseException) -> str:
    """The message of any exception, on one line of at most 1,000 characters; never raises."""
    try:
        return clean(str.__str__(str(error)))
    except BaseException as broken:  # a method of the exception, which may raise anything
        return f"the message cannot be shown because its __str__ raised {clean(type(broken).__name__)}"


def clean(text: str) -> str:
    """A text on one line, without control characters and of at most 1,000 characters."""
    whole = _NO_TEXT.sub(" ", text[: 4 * LONGEST]).strip()
    short = len(whole) <= LONGEST and len(text) <= 4 * LONGEST
    return whole if short else f"{whole[: LONGEST - 4]} ..."
