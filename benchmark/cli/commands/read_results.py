"""The commands that read results, with their options."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from ...utils.texts import say
from .shared import FLAG, example

app = typer.Typer()
PANEL = "Read results"

Boards = Annotated[list[Path], typer.Argument(help="Leaderboards or results folders.", metavar="CSV|DIR...")]
Format = Literal["table", "csv", "markdown", "latex", "html"]
Wide = Annotated[
    bool, typer.Option("--wide", metavar=FLAG, help="Do not leave out columns that do not fit; csv has all.")
]


@app.command("rank", rich_help_panel=PANEL, epilog=example("mia-bench rank results --sort accuracy"))
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
    wide: Wide = False,
) -> None:
    """Rank defenses by their worst case over all attacks.

    There is one row per defense. Incomplete rows come after complete ones. In
    LaTeX, the best values are bold; it needs the package booktabs.
    """
    from .. import rank

    rank.rank_boards(boards, sort=sort, notation=format_, columns=columns, wide=wide)


@app.command("audit", rich_help_panel=PANEL, epilog=example("mia-bench audit results --strict"))
def audit_(
    boards: Boards,
    strict: Annotated[
        bool, typer.Option("--strict", metavar=FLAG, help="Exit with code 1 if there is a flag.")
    ] = False,
) -> None:
    """Flag suspicious results, with likely causes and what to do.

    Per-cell records, if present, make the checks more sensitive.
    """
    from .. import audit

    raise typer.Exit(audit.audit_boards(boards, strict=strict))


@app.command(
    "compare", rich_help_panel=PANEL, epilog=example("mia-bench compare before after --fail-if 'psnr_db > +0.5'")
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
        Format,
        typer.Option("--format", help="Output format. Defaults to table.", show_default=False),
    ] = "table",
    columns: Annotated[
        str | None,
        typer.Option(help="Columns to print. Defaults to names and changed scores.", metavar="COLUMN,..."),
    ] = None,
    wide: Wide = False,
) -> None:
    """Compare two leaderboards cell by cell, with tests of significance.

    A CONDITION is COLUMN OP NUMBER with >, >=, < or <=. A number with a sign is a
    change from A to B: psnr_db > +0.5. A number without a sign is the value in B:
    accuracy < 0.9. missing > 0, added > 0 and changed > 0 count cells.

    Cells are averaged over seeds if --on does not contain seed. Seeds that failed in
    either leaderboard are left out.
    """
    from ..compare import compare_boards

    raise typer.Exit(compare_boards(a, b, on=on, fail_if=fail_if or [], notation=format_, columns=columns, wide=wide))


@app.command("report", rich_help_panel=PANEL, epilog=example("mia-bench report results -o report.html"))
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
    from ..report import report

    for path in report(boards, out=out, title=title, figures=figures):
        say(f"Wrote {path}")


@app.command("rate", rich_help_panel=PANEL, epilog=example("mia-bench rate results"))
def rate_(
    folder: Annotated[Path, typer.Argument(help="Results folder of a run.", metavar="DIR")],
    out: Annotated[
        Path,
        typer.Option(
            "--out", "-o", help="HTML file to write. Defaults to rating.html.", metavar="FILE", show_default=False
        ),
    ] = Path("rating.html"),
    trials: Annotated[int, typer.Option(min=1, max=1000, help="Number of questions.", metavar="N")] = 60,
    seed: Annotated[
        int | None,
        typer.Option(help="Seed of the questions. Defaults to a random one.", metavar="N", show_default=False),
    ] = None,
    ratings: Annotated[
        list[Path] | None, typer.Option(help="Ratings that the page saved, to join.", metavar="CSV", show_default=False)
    ] = None,
) -> None:
    """Measure how often people recognize reconstructed images.

    Writes a page that shows reconstructions blind, with mean images among them,
    and asks for the original. With --ratings, joins saved ratings into the results.
    """
    from .. import rate

    if ratings:
        rate.join_ratings(folder, ratings)
    else:
        rate.write_page(folder, out, trials=trials, seed=seed)
