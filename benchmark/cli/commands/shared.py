"""What the declarations of several commands share."""

from pathlib import Path
from typing import Annotated

import typer

DataDir = Annotated[Path | None, typer.Option(help="Folder with the data of a dataset.", metavar="DIR")]
FLAG = ""
"""What stands for the value of an option without one; typer would write ``<bool>``."""


def example(*commands: str) -> str:
    """Return the epilog of a command: one line for each example."""
    return "\n\n".join(f"Example: {command}" for command in commands)
