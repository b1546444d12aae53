"""Tables on the terminal."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer
from rich.console import Console
from rich.table import Table
from tabulate import tabulate

from ..utils.texts import one_line, paragraph, say

if TYPE_CHECKING:
    from pandas import DataFrame

DEFAULT_WIDTH = 100
"""Columns that tables are fitted into where stdout is not a terminal."""


def print_fitted(texts: DataFrame, dispensable: Sequence[str], *, named_by: int, wide: bool) -> None:
    """Print a table. Columns that do not fit are left out and named on stderr.

    Args:
        texts: The texts of the table.
        dispensable: Columns that may be left out, the first ones first.
        named_by: How many of the first columns name a line.
        wide: Whether to print all columns.
    """
    names = [str(name) for name in texts.columns]
    shown = names if wide else _fitted(names, texts.to_numpy().tolist(), dispensable)
    named_by = sum(name in shown for name in names[:named_by])
    print_lines(shown, texts[shown].to_numpy().tolist(), named_by=named_by)
    left_out = [name for name in names if name not in shown]
    if left_out:
        say(f"Left out to fit: {', '.join(left_out)}. Add --wide, or choose with --columns.", err=True)


def _fitted(header: list[str], lines: list[list[str]], dispensable: Sequence[str]) -> list[str]:
    """Return the columns that a table can show within the terminal, or within 100 columns if there is none.

    These are all columns, if those that may not be left out are too wide already.
    """
    width = Console().width if sys.stdout.isatty() else DEFAULT_WIDTH
    needed = {name: 2 + max(map(len, column)) for name, *column in zip(header, header, *lines, strict=True)}
    shown = [name for name in header if name not in dispensable]
    if sum(needed[name] for name in shown) - 2 > width:
        return header
    for name in reversed(dispensable):  # the most important ones first; a narrow one may still fit after a wide one
        if name in needed and sum(needed[each] for each in (*shown, name)) - 2 <= width:
            shown.append(name)
    return [name for name in header if name in shown]


def print_table(header: list[str], lines: list[list[str]]) -> None:
    """Print a plain table, as wide as the terminal, or as wide as needed where there is none."""
    if not sys.stdout.isatty():  # rich would take 0.2 s for 60 rows
        texts = tabulate(
            [list(map(one_line, line)) for line in (header, *lines)], tablefmt="plain", disable_numparse=True
        )
        say("\n".join(line.rstrip() for line in texts.splitlines()))
        return
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in header:
        table.add_column(one_line(name), overflow="fold")
    for line in lines:
        table.add_row(*map(one_line, line))
    console = Console(highlight=False, markup=False)
    with console.capture() as capture:
        console.print(table)
    typer.echo("\n".join(line.rstrip() for line in capture.get().splitlines()))  # with the codes of the bold header


def print_lines(header: list[str], lines: list[list[str]], *, named_by: int, broken_from: int | None = None) -> None:
    """Print a table, or where the terminal is too narrow for it each line as a paragraph: its names, then the rest.

    Args:
        header: Names of the columns.
        lines: Texts.
        named_by: How many of the first columns name a line.
        broken_from: Columns of a terminal that suffice for the table with its texts broken at spaces; None if they may
            not be broken.
    """
    if fits(header, lines) or (broken_from is not None and Console().width >= broken_from):
        print_table(header, lines)
        return
    for line in ([one_line(text) for text in texts] for texts in lines):
        say(" ".join(filter(None, line[:named_by])))
        told = [f"{name} {text}" for name, text in zip(header[named_by:], line[named_by:], strict=True) if text]
        say(_wrap(told, Console().width))


def fits(header: list[str], lines: list[list[str]]) -> bool:
    """Return whether a table fits the terminal; outside of one, every table does."""
    needed = sum(max(map(len, column)) + 2 for column in zip(header, *lines, strict=True)) - 2
    return not sys.stdout.isatty() or needed <= Console().width


def _wrap(parts: list[str], width: int) -> str:
    """Parts behind each other, as many on a line as fit; each line is indented by four."""
    text, used = "", width
    for part in parts:
        if used + 3 + len(part) > width:
            started = paragraph(f"    {part}", width)
            text, used = f"{text}\n{started}" if text else started, width if "\n" in started else len(started)
        else:
            text, used = f"{text}   {part}", used + 3 + len(part)
    return text
