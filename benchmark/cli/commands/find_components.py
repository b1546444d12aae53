"""The commands that find components, with their options."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from .. import completion
from .shared import example

app = typer.Typer()
PANEL = "Find components"


@app.command("list", rich_help_panel=PANEL, epilog=example("mia-bench list attacks"))
def list_(
    kind: Annotated[
        Literal["attacks", "defenses", "models", "datasets", "suites"] | None,
        typer.Argument(help="What to list. Defaults to everything.", metavar="[KIND]", show_default=False),
    ] = None,
) -> None:
    """List attacks, defenses, models, datasets and suites."""
    from ..list import list_kinds

    list_kinds([kind] if kind else ["attacks", "defenses", "models", "datasets", "suites"])


@app.command(rich_help_panel=PANEL, epilog=example("mia-bench show dp_ir"))
def show(
    name: Annotated[
        str,
        typer.Argument(
            help="Attack, defense, model, dataset or suite.", metavar="NAME", autocompletion=completion.component
        ),
    ],
    image: Annotated[
        str | None,
        typer.Option(
            help="Shape of the images that a model is given, such as 3x64x64.", metavar="CxHxW", show_default=False
        ),
    ] = None,
) -> None:
    """Show the parameters, cost and source of a component, or a suite.

    For a model, this also shows its cuts, which are the possible splits, as for torchvision:name=resnet18.
    """
    from ..show import show as show_component

    show_component(name, image)
