"""Errors that users can correct, and the text of exceptions on one line."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from dataclasses import FrozenInstanceError
from typing import Any

MAX_ERROR_CHARACTERS = 1000
"""Characters of an error message that are kept."""
_NOT_PRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\s]+")
"""White space, control characters, which could drive a terminal, and surrogates, which no file can hold."""

_PYDANTIC_LINK = re.compile(r"\s*For further information visit https://errors\.pydantic\.dev/\S*")


class UsageError(Exception):
    """Raised for bad usage or bad input. The message says what was expected, what was given and what to do.

    The command line prints the message without a traceback and exits with code 2.

    Args:
        message: What was expected and what was given, and what to do, unless ``remedy`` says it.
        remedy: What to do, for callers who may know a better remedy and give the message alone.

    Attributes:
        reason: The message without the remedy.

    Example:
        >>> raise UsageError("Expected bits from 1 to 16, got 17. Choose fewer bits.")
        Traceback (most recent call last):
        mia_bench.benchmark.errors.UsageError: Expected bits from 1 to 16, got 17. Choose fewer bits.
    """

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(f"{message} {remedy}".rstrip())
        self.reason = message


class Inapplicable(Exception):
    """Raised by an attack or a defense that cannot be applied to a cell. The message becomes the ``reason`` of the row.

    Example:
        >>> raise Inapplicable("The server has no layers with weights. Choose an earlier split.")
        Traceback (most recent call last):
        mia_bench.benchmark.errors.Inapplicable: The server has no layers with weights. Choose an earlier split.
    """


class ContractError(Exception):
    """Raised if what a protected model sends, answers or reports cannot be used. The message becomes the ``reason``.

    Example:
        >>> raise ContractError("Expected finite numbers on the wire, got NaN. Keep them in range.")
        Traceback (most recent call last):
        mia_bench.benchmark.errors.ContractError: Expected finite numbers on the wire, got NaN. Keep them in range.
    """


class Diverged(FloatingPointError):
    """Raised if a training ends with weights that are NaN or infinite. The message alone becomes the ``reason``.

    Example:
        >>> raise Diverged("Expected finite weights, got NaN or infinity. Use a smaller network.")
        Traceback (most recent call last):
        mia_bench.benchmark.errors.Diverged: Expected finite weights, got NaN or infinity. Use a smaller network.
    """


def describe(error: BaseException) -> str:
    """Return the type and the message of any exception on one line of at most 1,000 characters. Never raises.

    The type of ``Diverged`` is left out, since its message is a sentence for users.

    Example:
        >>> describe(ValueError("too small"))
        'ValueError: too small'
    """
    message, name = message_of(error), clean(type(error).__name__)
    if isinstance(error, Diverged) and message:
        return message
    return clean(f"{name}: {message}" if message else name)


def message_of(error: BaseException) -> str:
    """Return the message of any exception on one line of at most 1,000 characters. Never raises.

    Tensors and arrays are described by their type and shape.
    """
    try:
        if any(map(_is_array, error.args)):
            return clean(", ".join(_described(each) if _is_array(each) else str(each) for each in error.args))
        if isinstance(error, FrozenInstanceError) and str(error).startswith("cannot assign to field"):
            return clean(f"{error}. Return a copy that dataclasses.replace makes.")
        return clean(_PYDANTIC_LINK.sub("", str.__str__(str(error))))
    except BaseException as broken:  # a method of the exception, which may raise anything
        return f"the message cannot be shown because its __str__ raised {clean(type(broken).__name__)}"


def reason_of(error: BaseException) -> str:
    """Return the message of any exception for the middle of a sentence: without a punctuation mark at its end.

    An exception without a message, as a failed ``assert`` raises, is described by its type.

    Example:
        >>> reason_of(ValueError("It is too small.")), reason_of(AssertionError())
        ('It is too small', 'AssertionError')
    """
    return message_of(error).rstrip(".! ") or clean(type(error).__name__)


def similar(word: str, known: Iterable[str], most: int = 1) -> list[str]:
    """Return the known words that are most similar to an unknown one; if there are none, regardless of their case.

    Example:
        >>> similar("dp_irr", ["dp_ir", "topk"]), similar("RIDGE", ["ridge"])
        (['dp_ir'], ['ridge'])
    """
    words = list(known)
    folded = {each.casefold(): each for each in words}
    close = difflib.get_close_matches(word, words, most)
    return close or [folded[each] for each in difflib.get_close_matches(word.casefold(), folded, most)]


def _is_array(value: object) -> bool:
    return hasattr(value, "shape") and hasattr(value, "dtype")


def _described(array: Any) -> str:
    return f"{type(array).__name__} {tuple(array.shape)} {array.dtype}"


def clean(text: str) -> str:
    """Return a text on one line, without control characters and cut to at most 1,000 characters."""
    whole = _NOT_PRINTABLE.sub(" ", text[: 4 * MAX_ERROR_CHARACTERS]).strip()
    short = len(whole) <= MAX_ERROR_CHARACTERS and len(text) <= 4 * MAX_ERROR_CHARACTERS
    return whole if short else f"{whole[: MAX_ERROR_CHARACTERS - 4].rstrip()} ..."
