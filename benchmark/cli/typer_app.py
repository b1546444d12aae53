"""The command line: the user's words to calls, and results to tables."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from .error_messages import Commands

app = typer.Typer(
    cls=Commands,
    name="mia-bench",
    help="Benchmark of reconstruction attacks and defenses for split neural-network inference.",
    add_completion=False,
    pretty_exceptions_enable=False,
)

Format = Literal["table", "csv", "markdown", "latex", "html"]


def _version(wanted: bool) -> None:
    if wanted:
        from ... import __version__

        typer.echo(f"mia-bench {__version__}")
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None: ...


@app.command(context_settings={"ignore_unknown_options": True})
def run(
    rest: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[SUITE] [--PARAM VALUE]...",
            help="A TOML suite or the name of a built-in one; and any parameter of a chosen attack or defense, "
            "as --sigma 0.1, or --sigma 0.05,0.1,0.5 for a sweep.",
            show_default=False,
        ),
    ] = None,
    dataset: Annotated[list[str] | None, typer.Option(help="NAME or NAME:key=value,..; by default photos.")] = None,
    model: Annotated[list[str] | None, typer.Option(help="Target model; by default the dataset's.")] = None,
    split: Annotated[
        list[str] | None,
        typer.Option(help="Last layer on the client; repeated, or A,B, for several; by default the dataset's."),
    ] = None,
    attack: Annotated[
        list[str] | None, typer.Option(help="NAME or NAME:key=value,..; by default all standard ones.")
    ] = None,
    defense: Annotated[
        list[str] | None, typer.Option(help="NAME or NAME:key=value,..; by default all built-in ones.")
    ] = None,
    seed: Annotated[list[str] | None, typer.Option(help="Seed of everything random; by default 0.")] = None,
    images: Annotated[int | None, typer.Option(help="Private images under attack; by default 64.")] = None,
    jobs: Annotated[
        int | None,
        typer.Option(
            help="Worker processes at a time; by default 1, and with Ray as many as have room.",
            min=1,
            show_default=False,
        ),
    ] = None,
    engine: Annotated[
        Literal["local", "ray"], typer.Option(help="Who runs them; ray needs mia-bench\\[ray].")
    ] = "local",
    address: Annotated[
        str | None,
        typer.Option(
            help="HOST:PORT of a Ray cluster, or auto on one of its machines; by default a local Ray for this run.",
            show_default=False,
        ),
    ] = None,
    gpus_per_cell: Annotated[
        float | None,
        typer.Option(
            help="Share of a GPU that Ray gives to each worker, 0 to 1; by default 1 where the device is CUDA.",
            show_default=False,
        ),
    ] = None,
    device: Annotated[Literal["auto", "cpu", "cuda"], typer.Option(help="Where to compute.")] = "auto",
    cell_timeout: Annotated[
        float | None,
        typer.Option(
            help="Seconds that a cell may take once its target is trained; it then fails, and the rest goes on. "
            "By default no limit.",
            min=1e-3,
            show_default=False,
        ),
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder of the results.")] = Path("results"),
    data_dir: Annotated[Path | None, typer.Option(help="Folder of the data.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the plan, its time and memory, and stop.")] = False,
) -> None:
    """Attack defended models and write the leaderboard; a second run goes on where the first stopped."""
    from . import run as commands
    from .component_options import parse_rest

    suite, options = parse_rest(rest or [])
    given: dict[str, Any] = {
        "dataset": dataset,
        "model": model,
        "split": split,
        "attacks": attack,
        "defenses": defense,
        "seeds": seed,
        "images": images,
    }
    code = commands.run(
        suite=suite,
        given={key: value for key, value in given.items() if value is not None},
        options=options,
        own_options=[f"--{name.replace('_', '-')}" for name in inspect.signature(run).parameters],
        where={
            "out": out,
            "data_dir": data_dir,
            "device": device,
            "jobs": jobs,
            "cell_timeout": cell_timeout,
            "engine": engine,
            "address": address,
            "gpus_per_cell": gpus_per_cell,
        },
        dry_run=dry_run,
    )
    raise typer.Exit(code)


@app.command("list")
def list_(
    kind: Annotated[
        Literal["attacks", "defenses", "models", "datasets", "suites"] | None,
        typer.Argument(help="What to list; by default everything.", show_default=False),
    ] = None,
) -> None:
    """List what can be chosen: name, access or guarantee, package, one line."""
    from .list import list_kinds

    list_kinds([kind] if kind else ["attacks", "defenses", "models", "datasets", "suites"])


@app.command()
def show(name: Annotated[str, typer.Argument(help="Name of an attack, defense, model or dataset.")]) -> None:
    """Show parameters, bounds, threat model and source of one component; for a model, its layers."""
    from .show import show as show_component

    show_component(name)


@app.command("rank")
def rank_(
    boards: Annotated[list[Path], typer.Argument(help="Leaderboards or results folders.", metavar="CSV|DIR...")],
    sort: Annotated[
        str,
        typer.Option(
            help="The column whose best values come first: the highest accuracy, the lowest leak or cost. Incomplete "
            "lines come behind complete ones.",
            metavar="COLUMN",
        ),
    ] = "psnr_db",
    format_: Annotated[Format, typer.Option("--format", help="How to print it; csv has all columns.")] = "table",
    columns: Annotated[
        str | None, typer.Option(help="Print these columns, separated by commas.", metavar="COLUMN,...")
    ] = None,
) -> None:
    """Rank defenses, one line each: the worst case over the attacks, image by image."""
    from . import rank

    rank.rank_boards(boards, sort=sort, notation=format_, columns=columns)


@app.command("audit")
def audit_(
    boards: Annotated[list[Path], typer.Argument(help="Leaderboards or results folders.", metavar="CSV|DIR...")],
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 1 if there is a flag.")] = False,
) -> None:
    """Look for signs that results are not to be trusted, one line each; sharper where the records are at hand."""
    from . import audit

    raise typer.Exit(audit.audit_boards(boards, strict=strict))


@app.command("compare")
def compare_(
    a: Annotated[Path, typer.Argument(help="Leaderboard, results folder or published figures.", metavar="A")],
    b: Annotated[Path, typer.Argument(help="What to compare with it.", metavar="B")],
    on: Annotated[
        str | None,
        typer.Option(
            help="Columns in which cells agree, with commas; by default dataset, model, split, defense, "
            "defense_params, attack, attack_params, seed. Seeds are averaged if seed is not among them.",
            metavar="COLUMNS",
        ),
    ] = None,
    fail_if: Annotated[
        list[str] | None,
        typer.Option(
            help="Exit with 1 if this holds in a cell: COLUMN OP NUMBER, with >, >=, < or <=. A NUMBER with a sign is "
            "a change from A to B, as 'psnr_db > +0.5' or 'accuracy < -0.01'; one without is B's value, as "
            "'accuracy < 0.9'. Also 'missing > 0', 'added > 0', 'changed > 0', which count cells. May be repeated.",
            metavar="CONDITION",
        ),
    ] = None,
    format_: Annotated[
        Literal["table", "csv", "markdown"], typer.Option("--format", help="How to print it.")
    ] = "table",
) -> None:
    """Compare two boards cell by cell: what changed, by how much, and whether it is more than chance."""
    from .compare import compare_boards

    raise typer.Exit(compare_boards(a, b, on=on, fail_if=fail_if or [], notation=format_))


@app.command("report")
def report_(
    boards: Annotated[list[Path], typer.Argument(help="Results folders or leaderboards.", metavar="DIR|CSV...")],
    out: Annotated[Path, typer.Option("--out", "-o", help="The page, an .html file.")] = Path("report.html"),
    title: Annotated[str | None, typer.Option(help="Title of the page.")] = None,
    figures: Annotated[
        Path | None, typer.Option(help="Folder for static figures as PNG and SVG; needs mia-bench\\[figures].")
    ] = None,
) -> None:
    """Write one self-contained page: which defense holds, trade-off charts, leaderboard and picture strips."""
    from .report import report

    for path in report(boards, out=out, title=title, figures=figures):
        typer.echo(f"wrote {path}")


@app.command()
def status(folder: Annotated[Path, typer.Argument(help="Results folder of a run.", metavar="DIR")]) -> None:
    """Tell which cells of a run are done, failed or missing."""
    from . import status as status_module

    status_module.status(folder)


@app.command()
def new(
    noun: Annotated[Literal["attack", "defense", "model", "dataset"], typer.Argument(help="What to write.")],
    name: Annotated[str, typer.Argument(help="What users will write to choose it, in snake_case.")],
    out: Annotated[Path | None, typer.Option(help="Its folder; by default mia-bench-NAME.", show_default=False)] = None,
) -> None:
    """Write a plug-in package with one component, which passes ``check`` as it is."""
    from .new import create

    folder = create(noun, name, out)
    typer.echo(f"wrote {folder}: {', '.join(sorted(path.name for path in folder.iterdir()))}")
    typer.echo(f"next: pip install -e {folder} && mia-bench check {name}")


@app.command()
def check(
    target: Annotated[str, typer.Argument(help="NAME, NAME:key=value,.. or module:Class.", metavar="NAME|PKG:CLASS")],
    data_dir: Annotated[Path | None, typer.Option(help="Folder of the data of a dataset.")] = None,
) -> None:
    """Check that a component keeps the contract of its kind, on tiny data, one line for each check."""
    from .check import check as check_component

    raise typer.Exit(check_component(target, data_dir=data_dir))


def main() -> None:
    """Entry point of the console script."""
    app()
