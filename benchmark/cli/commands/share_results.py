"""The commands that share results, with their options."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from . import run_options
from .shared import example

app = typer.Typer()
PANEL = "Share results"


@app.command("merge", rich_help_panel=PANEL, epilog=example("mia-bench merge laptop server -o both"))
def merge_(
    folders: Annotated[list[Path], typer.Argument(help="Results folders of several machines.", metavar="DIR...")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Results folder to write or extend.", metavar="DIR")],
) -> None:
    """Merge results folders into one, with their records.

    A cell that several folders hold is kept once. Folders that contradict each
    other are refused, and nothing is written.
    """
    from ..merge import merge_folders

    merge_folders(folders, out)


@app.command("submit", rich_help_panel=PANEL, epilog=example("mia-bench submit results -o submission.zip"))
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
    from ..submit import submit

    submit(folder, out, title=title, paper=paper, code=code)


@app.command("verify", rich_help_panel=PANEL, epilog=example("mia-bench verify submission.zip --data-dir images"))
def verify_(
    path: Annotated[Path, typer.Argument(help="Submission, as submit writes it.", metavar="ZIP")],
    cells: Annotated[int, typer.Option(min=0, help="Number of random cells to compute again.", metavar="N")] = 3,
    seed: Annotated[
        int | None,
        typer.Option(help="Seed of the random choice. Defaults to a random one.", metavar="N", show_default=False),
    ] = None,
    data_dir: run_options.DataDir = None,
    device: Annotated[Literal["auto", "cpu", "cuda"], typer.Option(help="Device to compute on.")] = "auto",
    verdicts: Annotated[
        Path | None,
        typer.Option(
            help="JSON file to write the outcome of each sampled cell to.", metavar="FILE", show_default=False
        ),
    ] = None,
) -> None:
    """Check a submission, and compute a random sample of its cells again.

    Nothing that the file holds is executed, and cells that name files or code
    are not computed. Exits with code 1 if a sampled cell is not reproduced.
    """
    from ..verify import verify_submission

    code = verify_submission(path, cells=cells, seed=seed, data_dir=data_dir, device=device, verdicts_file=verdicts)
    raise typer.Exit(code)
