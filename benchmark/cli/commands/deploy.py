"""The command that writes files for deployment, with its options."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ...utils.texts import say
from .. import completion
from . import run_options
from .shared import FLAG, example

app = typer.Typer()
PANEL = "Deploy"


@app.command(
    rich_help_panel=PANEL,
    epilog=example("mia-bench export --model lenet5 --split relu1 --defense dp_ir --sigma 0.5 -o deployed"),
    context_settings={"ignore_unknown_options": True},
)
def export(
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder to write.", metavar="DIR")],
    rest: run_options.Parameters = None,
    dataset: run_options.Dataset = None,
    model: run_options.Model = None,
    split: run_options.Split = None,
    defense: Annotated[
        list[str] | None,
        typer.Option(
            help="The defense. Defaults to undefended.",
            metavar="NAME",
            autocompletion=completion.of_kind("defenses"),
        ),
    ] = None,
    seed: run_options.Seed = None,
    images: Annotated[
        int | None,
        typer.Option(help="Images of the run, on which random numbers depend. Defaults to 64.", metavar="N"),
    ] = None,
    device: run_options.Device = "auto",
    data_dir: run_options.DataDir = None,
    force: Annotated[bool, typer.Option("--force", metavar=FLAG, help="Replace files of an earlier export.")] = False,
) -> None:
    """Write a protected network as client.onnx, server.onnx and split.json.

    The graphs are run by ONNX Runtime and compared with torch before anything is
    kept. Random numbers of a defense are inputs of client.onnx, so that they can
    neither be forgotten nor come from an insecure generator.
    """
    from ...errors import UsageError
    from ...export.split_files import export_split
    from ...runner.options import RunOptions
    from ..component_options import parse_request

    suite, request = parse_request(
        rest, dataset=dataset, model=model, split=split, defenses=defense, seeds=seed, images=images
    )
    if suite:
        raise UsageError(f"Expected options only, got {suite!r}. Write options with two hyphens.")
    where = RunOptions(out=out, data_dir=data_dir, device=device)
    for path in export_split(request, where, force=force):
        say(f"Wrote {path}")
