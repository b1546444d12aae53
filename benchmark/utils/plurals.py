"""Numbers with nouns, for messages: ``1 cell``, ``2 cells``."""

from __future__ import annotations


def count_of(number: float, one: str, several: str | None = None) -> str:
    """Return a number with the form of a noun, or of other words, that fits it.

    Args:
        number: The number. Whole floats are written without decimals.
        one: What follows 1.
        several: What follows all other numbers, also 0. None appends an s to ``one``.

    Example:
        >>> count_of(1, "cell"), count_of(0, "cell"), count_of(2, "cell is", "cells are")
        ('1 cell', '0 cells', '2 cells are')
    """
    written = f"{number:g}" if isinstance(number, float) else f"{number}"
    return f"{written} {fitting(number, one, several)}"


def fitting(number: float, one: str, several: str | None = None) -> str:
    """Return the form of a noun, or of other words, that fits a number; see ``count_of``.

    Example:
        >>> fitting(1, "is", "are"), fitting(3, "seed")
        ('is', 'seeds')
    """
    if number == 1:
        return one
    return f"{one}s" if several is None else several
