"""The command line: all groups of commands in one program."""

from __future__ import annotations

from typing import Annotated

import typer

from ..utils.stderr_logs import logs_on_stderr
from ..utils.streams import use_patient_streams
from .command_group import Commands
from .commands import choose_split, deploy, find_components, read_results, run_attacks, share_results, write_components
from .commands.shared import FLAG

app = typer.Typer(
    cls=Commands,
    name="mia-bench",
    help="Benchmark image-reconstruction attacks against defenses for split neural-network inference.",
    epilog="Start with: mia-bench run --defense dp_ir --sigma 0.1",
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
)
for group in (run_attacks, read_results, choose_split, share_results, deploy, find_components, write_components):
    app.add_typer(group.app)


def _version(wanted: bool) -> None:
    if wanted:
        from ... import __version__

        typer.echo(f"mia-bench {__version__}")
        raise typer.Exit


@app.callback()
def _main(
    context: typer.Context,
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            metavar=FLAG,
            callback=_version,
            is_eager=True,
            help="Show the version and exit.",
        ),
    ] = False,
) -> None:
    context.with_resource(logs_on_stderr())


def start() -> None:
    """Run the command line on streams that may be closed."""
    use_patient_streams()
    app()
