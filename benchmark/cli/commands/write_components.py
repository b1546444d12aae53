"""The commands that write and check components, with their options."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from ...utils.texts import as_typed, say
from .. import completion
from . import run_options
from .shared import example

app = typer.Typer()
PANEL = "Write components"


@app.command(rich_help_panel=PANEL, epilog=example("mia-bench new defense my_noise"))
def new(
    noun: Annotated[
        Literal["attack", "defense", "model", "dataset"],
        typer.Argument(help="attack, defense, model or dataset.", metavar="KIND"),
    ],
    name: Annotated[str, typer.Argument(help="Component name in snake_case.", metavar="NAME")],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", "-o", help="Folder to write. Defaults to mia-bench-NAME.", metavar="DIR", show_default=False
        ),
    ] = None,
    template: Annotated[
        str | None,
        typer.Option(
            help="What a defense or attack starts from. Defaults to noise or linear.",
            metavar="noise|channel|trained|linear|decoder|inversion",
            show_default=False,
            autocompletion=completion.template,
        ),
    ] = None,
) -> None:
    """Write a plug-in package with one component that passes all checks."""
    from ..new import create

    folder = create(noun, name, out, template)
    say(f"Wrote {folder}: {', '.join(sorted(path.name for path in folder.iterdir()))}")
    say(f"Next: {as_typed('pip', 'install', '-e', folder)} && {as_typed('mia-bench', 'check', name)}")


@app.command(rich_help_panel=PANEL, epilog=example("mia-bench check dp_ir:sigma=0.5"))
def check(
    target: Annotated[
        str,
        typer.Argument(
            help="NAME or module:Class, with parameters as NAME:key=value,...",
            metavar="NAME",
            autocompletion=completion.component,
        ),
    ],
    data_dir: run_options.DataDir = None,
) -> None:
    """Check that a component satisfies its contract. Takes seconds."""
    from ..check import check as check_component

    raise typer.Exit(check_component(target, data_dir=data_dir))
