"""The commands that run attacks, with their options."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from . import run_options
from .shared import example, hints_at_options_of

app = typer.Typer()
PANEL = "Run attacks"


@app.command(
    rich_help_panel=PANEL,
    epilog=example(
        "mia-bench run --defense dp_ir --sigma 0.1,0.5 --attack ridge",
        "mia-bench run quick --images 16 --dry-run",
    ),
    context_settings={"ignore_unknown_options": True},
)
def run(
    rest: run_options.Rest = None,
    dataset: run_options.Dataset = None,
    model: run_options.Model = None,
    split: run_options.Split = None,
    attack: run_options.Attack = None,
    defense: run_options.Defense = None,
    seed: run_options.Seed = None,
    images: run_options.Images = None,
    perceptual: run_options.Perceptual = None,
    jobs: run_options.Jobs = None,
    device: run_options.Device = "auto",
    cell_timeout: run_options.CellTimeout = None,
    engine: run_options.Engine = "local",
    address: run_options.Address = None,
    gpus_per_cell: run_options.GpusPerCell = None,
    out: run_options.Out = Path("results"),
    data_dir: run_options.DataDir = None,
    dry_run: run_options.DryRun = False,
    quiet: run_options.Quiet = False,
    verbose: run_options.Verbose = False,
) -> None:
    """Attack defended models and write a leaderboard. Rerun to resume.

    Give several names with commas: --attack ridge,white_box. Parameters follow a
    colon: --defense dp_ir:sigma=0.1,delta=1e-6. A comma before key=value continues
    the parameters; a value that contains a comma needs double quotes.

    --PARAM VALUE sets a parameter of every chosen attack and defense that has it;
    several values make a sweep: --sigma 0.05,0.1,0.5.
    """
    from ...runner.options import RunOptions
    from ...utils.stderr_logs import set_verbosity
    from ..component_options import parse_request
    from ..run import run as run_suite

    set_verbosity(quiet=quiet, verbose=verbose)
    suite, request = parse_request(
        rest,
        dataset=dataset,
        model=model,
        split=split,
        attacks=attack,
        defenses=defense,
        seeds=seed,
        images=images,
    )
    with hints_at_options_of(run):
        code = run_suite(
            suite,
            request,
            RunOptions(
                out=out,
                data_dir=data_dir,
                device=device,
                jobs=jobs,
                cell_timeout=cell_timeout,
                engine=engine,
                address=address,
                gpus_per_cell=gpus_per_cell,
                perceptual=tuple(perceptual or ()),
            ),
            dry_run=dry_run,
            quiet=quiet,
        )
    raise typer.Exit(code)


@app.command(rich_help_panel=PANEL, epilog=example("mia-bench status results"))
def status(folder: Annotated[Path, typer.Argument(help="Results folder of a run.", metavar="DIR")]) -> None:
    """Show which cells of a run are done, failed or missing."""
    from ..status import status as show_status

    show_status(folder)
