"""Plain tables on stdout."""

from __future__ import annotations

import sys

import typer
from rich.console import Console
from rich.table import Table


def print_table(header: list[str], lines: list[list[str]]) -> None:
    """Print a plain table, as wide as the terminal, or as wide as needed where there is none."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in header:
        table.add_column(name, overflow="fold")
    for line in lines:
        table.add_row(*line)
    console = Console(width=None if sys.stdout.isatty() else 10_000, highlight=False, markup=False)
    with console.capture() as capture:
        console.print(table)
    typer.echo("\n".join(line.rstrip() for line in capture.get().splitlines()))
