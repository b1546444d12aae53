"""The command line: the options of each command, and the call that carries it out."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from ..utils.stderr_logs import logs_on_stderr
from . import completion
from . import run_options as options_of_run
from .error_messages import Commands

app = typer.Typer(
    cls=Commands,
    name="mia-bench",
    help="Benchmark image-reconstruction attacks against defenses for split neural-network inference.",
    epilog="Start with: mia-bench run --defense dp_ir --sigma 0.1",
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
)

RUN, READ, SHARE = "Run attacks", "Read results", "Share results"
FIND, EXTEND = "Find components", "Write components"
"""Groups of commands in the help."""

Boards = Annotated[list[Path], typer.Argument(help="Leaderboards or results folders.", metavar="CSV|DIR...")]
DataDir = Annotated[Path | None, typer.Option(help="Folder with the data of a dataset.", metavar="DIR")]
Format = Literal["table", "csv", "markdown", "latex", "html"]


def _example(*commands: str) -> str:
    """Return the epilog of a command: one line for each example."""
    return "\n\n".join(f"Example: {command}" for command in commands)


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
            metavar=options_of_run.FLAG,
            callback=_version,
            is_eager=True,
            help="Show the version and exit.",
        ),
    ] = False,
) -> None:
    context.with_resource(logs_on_stderr())


@app.command(
    rich_help_panel=RUN,
    epilog=_example(
        "mia-bench run --defense dp_ir --sigma 0.1,0.5 --attack ridge",
        "mia-bench run quick --images 16 --dry-run",
    ),
    context_settings={"ignore_unknown_options": True},
)
def run(
    rest: options_of_run.Rest = None,
    dataset: options_of_run.Dataset = None,
    model: options_of_run.Model = None,
    split: options_of_run.Split = None,
    attack: options_of_run.Attack = None,
    defense: options_of_run.Defense = None,
    seed: options_of_run.Seed = None,
    images: options_of_run.Images = None,
    jobs: options_of_run.Jobs = None,
    device: options_of_run.Device = "auto",
    cell_timeout: options_of_run.CellTimeout = None,
    engine: options_of_run.Engine = "local",
    address: options_of_run.Address = None,
    gpus_per_cell: options_of_run.GpusPerCell = None,
    out: options_of_run.Out = Path("results"),
    data_dir: options_of_run.DataDir = None,
    dry_run: options_of_run.DryRun = False,
    quiet: options_of_run.Quiet = False,
    verbose: options_of_run.Verbose = False,
) -> None:
    """Attack defended models and write a leaderboard. Rerun to resume.

    Give several names with commas: --attack ridge,white_box. Parameters follow a
    colon: --defense dp_ir:sigma=0.1,delta=1e-6. A comma before key=value continues
    the parameters; a value that contains a comma needs double quotes.

    --PARAM VALUE sets a parameter of every chosen attack and defense that has it;
    several values make a sweep: --sigma 0.05,0.1,0.5.
    """
    from ..plan.request import Request
    from ..runner.options import RunOptions
    from ..utils.stderr_logs import set_verbosity
    from . import run as commands
    from .component_options import parse_rest

    set_verbosity(quiet=quiet, verbose=verbose)
    suite, options = parse_rest(rest or [])
    given: dict[str, Any] = {
        "dataset": dataset,
        "model": model,
        "split": split,
        "attacks": attack,
        "defenses": defense,
        "seeds": seed,
        "images": images,
        "options": options,
    }
    code = commands.run(
        suite,
        Request(**{name: value for name, value in given.items() if value is not None}),
        RunOptions(
            out=out,
            data_dir=data_dir,
            device=device,
            jobs=jobs,
            cell_timeout=cell_timeout,
            engine=engine,
            address=address,
            gpus_per_cell=gpus_per_cell,
        ),
        own_options=[f"--{name.replace('_', '-')}" for name in inspect.signature(run).parameters],
        dry_run=dry_run,
        quiet=quiet,
    )
    raise typer.Exit(code)


@app.command(rich_help_panel=RUN, epilog=_example("mia-bench status results"))
def status(folder: Annotated[Path, typer.Argument(help="Results folder of a run.", metavar="DIR")]) -> None:
    """Show which cells of a run are done, failed or missing."""
    from . import status as status_module

    status_module.status(folder)


@app.command("rank", rich_help_panel=READ, epilog=_example("mia-bench rank results --sort accuracy"))
def rank_(
    boards: Boards,
    sort: Annotated[
        str,
        typer.Option(
            help="Column to sort by, best values first. Defaults to psnr_db.", metavar="COLUMN", show_default=False
        ),
    ] = "psnr_db",
    format_: Annotated[
        Format,
        typer.Option("--format", help="Output format; csv has all columns. Defaults to table.", show_default=False),
    ] = "table",
    columns: Annotated[
        str | None,
        typer.Option(help="Columns to print. Defaults to the most important ones.", metavar="COLUMN,..."),
    ] = None,
) -> None:
    """Rank defenses by their worst case over all attacks.

    There is one row per defense. Incomplete rows come after complete ones.
    """
    from . import rank

    rank.rank_boards(boards, sort=sort, notation=format_, columns=columns)


@app.command("audit", rich_help_panel=READ, epilog=_example("mia-bench audit results --strict"))
def audit_(
    boards: Boards,
    strict: Annotated[
        bool, typer.Option("--strict", metavar=options_of_run.FLAG, help="Exit with code 1 if there is a flag.")
    ] = False,
) -> None:
    """Flag suspicious results, with likely causes and what to do.

    Per-cell records, if present, make the checks more sensitive.
    """
    from . import audit

    raise typer.Exit(audit.audit_boards(boards, strict=strict))


@app.command(
    "compare", rich_help_panel=READ, epilog=_example("mia-bench compare results results --fail-if 'psnr_db > +0.5'")
)
def compare_(
    a: Annotated[Path, typer.Argument(help="Leaderboard, results folder or published figures.", metavar="A")],
    b: Annotated[Path, typer.Argument(help="Board to compare with A.", metavar="B")],
    on: Annotated[
        str | None,
        typer.Option(help="Columns that must agree. Defaults to all that name a cell.", metavar="COLUMN,..."),
    ] = None,
    fail_if: Annotated[
        list[str] | None,
        typer.Option(help="Exit with code 1 if this holds in a cell.", metavar="CONDITION"),
    ] = None,
    format_: Annotated[
        Literal["table", "csv", "markdown"],
        typer.Option("--format", help="Output format. Defaults to table.", show_default=False),
    ] = "table",
) -> None:
    """Compare two leaderboards cell by cell, with tests of significance.

    A CONDITION is COLUMN OP NUMBER with >, >=, < or <=. A number with a sign is a
    change from A to B: psnr_db > +0.5. A number without a sign is the value in B:
    accuracy < 0.9. missing > 0, added > 0 and changed > 0 count cells.

    Cells are averaged over seeds if --on does not contain seed.
    """
    from .compare import compare_boards

    raise typer.Exit(compare_boards(a, b, on=on, fail_if=fail_if or [], notation=format_))


@app.command("report", rich_help_panel=READ, epilog=_example("mia-bench report results -o report.html"))
def report_(
    boards: Annotated[list[Path], typer.Argument(help="Results folders or leaderboards.", metavar="DIR|CSV...")],
    out: Annotated[
        Path,
        typer.Option(
            "--out", "-o", help="HTML file to write. Defaults to report.html.", metavar="FILE", show_default=False
        ),
    ] = Path("report.html"),
    title: Annotated[str | None, typer.Option(help="Title of the page.", metavar="TEXT")] = None,
    figures: Annotated[
        Path | None,
        typer.Option(help="Folder for PNG and SVG figures. Requires the figures extra.", metavar="DIR"),
    ] = None,
) -> None:
    """Write one self-contained HTML page with charts, leaderboard and reconstructed images."""
    from .report import report

    for path in report(boards, out=out, title=title, figures=figures):
        typer.echo(f"Wrote {path}")


@app.command("merge", rich_help_panel=SHARE, epilog=_example("mia-bench merge laptop server -o both"))
def merge_(
    folders: Annotated[list[Path], typer.Argument(help="Results folders of several machines.", metavar="DIR...")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Results folder to write or extend.", metavar="DIR")],
) -> None:
    """Merge results folders into one, with their records.

    A cell that several folders hold is kept once. Folders that contradict each
    other are refused, and nothing is written.
    """
    from .merge import merge_folders

    merge_folders(folders, out)


@app.command("submit", rich_help_panel=SHARE, epilog=_example("mia-bench submit results -o submission.zip"))
def submit_(
    folder: Annotated[Path, typer.Argument(help="Results folder of a finished run.", metavar="DIR")],
    out: Annotated[
        Path,
        typer.Option(
            "--out", "-o", help="ZIP file to write. Defaults to submission.zip.", metavar="FILE", show_default=False
        ),
    ] = Path("submission.zip"),
    title: Annotated[str, typer.Option(help="Name of the submission.", metavar="TEXT", show_default=False)] = "",
    paper: Annotated[str, typer.Option(help="Address of a publication.", metavar="URL", show_default=False)] = "",
    code: Annotated[str, typer.Option(help="Address of the code.", metavar="URL", show_default=False)] = "",
) -> None:
    """Pack results with their records and checksums into one ZIP file."""
    from .submit import submit

    submit(folder, out, title=title, paper=paper, code=code)


@app.command("verify", rich_help_panel=SHARE, epilog=_example("mia-bench verify submission.zip --data-dir images"))
def verify_(
    path: Annotated[Path, typer.Argument(help="Submission, as submit writes it.", metavar="ZIP")],
    cells: Annotated[int, typer.Option(min=0, help="Number of random cells to compute again.", metavar="N")] = 3,
    seed: Annotated[
        int | None, typer.Option(help="Seed of the random choice. Defaults to none.", metavar="N", show_default=False)
    ] = None,
    data_dir: DataDir = None,
    device: Annotated[Literal["auto", "cpu", "cuda"], typer.Option(help="Device to compute on.")] = "auto",
) -> None:
    """Check a submission, and compute a random sample of its cells again.

    Nothing that the file holds is executed, and cells that name files or code
    are not computed. Exits with code 1 if a sampled cell is not reproduced.
    """
    from .verify import verify_submission

    raise typer.Exit(verify_submission(path, cells=cells, seed=seed, data_dir=data_dir, device=device))


@app.command("list", rich_help_panel=FIND, epilog=_example("mia-bench list attacks"))
def list_(
    kind: Annotated[
        Literal["attacks", "defenses", "models", "datasets", "suites"] | None,
        typer.Argument(help="What to list. Defaults to everything.", metavar="[KIND]", show_default=False),
    ] = None,
) -> None:
    """List attacks, defenses, models, datasets and suites."""
    from .list import list_kinds

    list_kinds([kind] if kind else ["attacks", "defenses", "models", "datasets", "suites"])


@app.command(rich_help_panel=FIND, epilog=_example("mia-bench show dp_ir"))
def show(
    name: Annotated[
        str,
        typer.Argument(help="Attack, defense, model or dataset.", metavar="NAME", autocompletion=completion.component),
    ],
    image: Annotated[
        str | None,
        typer.Option(
            help="Shape of the images that a model is given, as 3x64x64.", metavar="CxHxW", show_default=False
        ),
    ] = None,
) -> None:
    """Show the parameters, threat model, cost and source of a component.

    For a model, this also shows its cuts, which are the possible splits, as for torchvision:name=resnet18.
    """
    from .show import show as show_component

    show_component(name, image)


@app.command(rich_help_panel=EXTEND, epilog=_example("mia-bench new defense my_noise"))
def new(
    noun: Annotated[
        Literal["attack", "defense", "model", "dataset"],
        typer.Argument(help="attack, defense, model or dataset.", metavar="KIND"),
    ],
    name: Annotated[str, typer.Argument(help="Component name in snake_case.", metavar="NAME")],
    out: Annotated[
        Path | None,
        typer.Option(help="Folder to write. Defaults to mia-bench-NAME.", metavar="DIR", show_default=False),
    ] = None,
) -> None:
    """Write a plug-in package with one component that passes all checks."""
    from .new import create

    folder = create(noun, name, out)
    typer.echo(f"Wrote {folder}: {', '.join(sorted(path.name for path in folder.iterdir()))}")
    typer.echo(f"Next: pip install -e {folder} && mia-bench check {name}")


@app.command(rich_help_panel=EXTEND, epilog=_example("mia-bench check dp_ir:sigma=0.5"))
def check(
    target: Annotated[
        str,
        typer.Argument(
            help="NAME, NAME:key=value,... or module:Class.", metavar="NAME", autocompletion=completion.component
        ),
    ],
    data_dir: DataDir = None,
) -> None:
    """Check that a component satisfies its contract. Takes seconds."""
    from .check import check as check_component

    raise typer.Exit(check_component(target, data_dir=data_dir))


def main() -> None:
    """Run the command line, as the console script ``mia-bench`` does."""
    app()
