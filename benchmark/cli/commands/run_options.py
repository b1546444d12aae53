"""The options of ``mia-bench run``, with their help texts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from .. import completion
from .shared import FLAG

WHAT, HOW, FILES = "What to run", "How to run it", "Files and output"

Rest = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="SUITE|--PARAM VALUE",
        help="A suite (TOML file or name), and parameters of the chosen components.",
        show_default=False,
        autocompletion=completion.suite,
    ),
]
Parameters = Annotated[
    list[str] | None,
    typer.Argument(metavar="--PARAM VALUE", help="Parameters of the chosen components.", show_default=False),
]
Dataset = Annotated[
    list[str] | None,
    typer.Option(
        help="Datasets. Defaults to photos.",
        metavar="NAME",
        rich_help_panel=WHAT,
        autocompletion=completion.of_kind("datasets"),
    ),
]
Model = Annotated[
    list[str] | None,
    typer.Option(
        help="Target models. Defaults to the dataset's recommendation.",
        metavar="NAME",
        rich_help_panel=WHAT,
        autocompletion=completion.of_kind("models"),
    ),
]
Split = Annotated[
    list[str] | None,
    typer.Option(
        help="Last layer on the client. Defaults to the dataset's recommendation.",
        metavar="LAYER",
        rich_help_panel=WHAT,
    ),
]
Attack = Annotated[
    list[str] | None,
    typer.Option(
        help="Attacks. Defaults to all standard attacks.",
        metavar="NAME",
        rich_help_panel=WHAT,
        autocompletion=completion.of_kind("attacks"),
    ),
]
Defense = Annotated[
    list[str] | None,
    typer.Option(
        help="Defenses, in addition to undefended. Defaults to all built-in defenses.",
        metavar="NAME",
        rich_help_panel=WHAT,
        autocompletion=completion.of_kind("defenses"),
    ),
]
Seed = Annotated[
    list[str] | None,
    typer.Option(help="Random seeds. Defaults to 0.", metavar="N", rich_help_panel=WHAT),
]
Images = Annotated[
    int | None,
    typer.Option(help="Private images to attack. Defaults to 64, or all if fewer.", metavar="N", rich_help_panel=WHAT),
]
Perceptual = Annotated[
    list[str] | None,
    typer.Option(
        help="Perceptual measures: lpips (extra perceptual), imagenet_distance (extra efficientnet). Defaults to none.",
        metavar="NAME",
        show_default=False,
        rich_help_panel=WHAT,
    ),
]
Jobs = Annotated[
    int | None,
    typer.Option(
        help="Worker processes. Defaults to 1, or all that fit with Ray.",
        metavar="N",
        min=1,
        show_default=False,
        rich_help_panel=HOW,
    ),
]
Device = Annotated[
    Literal["auto", "cpu", "cuda"],
    typer.Option(
        help="Device to compute on. Defaults to auto: CUDA if available.", show_default=False, rich_help_panel=HOW
    ),
]
CellTimeout = Annotated[
    float | None,
    typer.Option(
        help="Time limit per cell, excluding target training. Defaults to no limit.",
        metavar="SECONDS",
        min=1e-3,
        show_default=False,
        rich_help_panel=HOW,
    ),
]
Engine = Annotated[
    Literal["local", "ray"],
    typer.Option(
        help="Execution backend. ray requires the ray extra. Defaults to local.",
        show_default=False,
        rich_help_panel=HOW,
    ),
]
Address = Annotated[
    str | None,
    typer.Option(
        help="Ray cluster, or auto on its machines. Defaults to local Ray.",
        metavar="HOST:PORT",
        show_default=False,
        rich_help_panel=HOW,
    ),
]
GpusPerCell = Annotated[
    float | None,
    typer.Option(
        help="GPU fraction per Ray worker. Defaults to 1 on CUDA.",
        metavar="0..1",
        show_default=False,
        rich_help_panel=HOW,
    ),
]
Out = Annotated[
    Path,
    typer.Option(
        "--out",
        "-o",
        help="Results folder. Defaults to results.",
        metavar="DIR",
        show_default=False,
        rich_help_panel=FILES,
    ),
]
DataDir = Annotated[
    Path | None,
    typer.Option(help="Folder with the data of the datasets.", metavar="DIR", rich_help_panel=FILES),
]
Quiet = Annotated[
    bool, typer.Option("--quiet", "-q", metavar=FLAG, help="Show only results and warnings.", rich_help_panel=FILES)
]
Verbose = Annotated[
    bool,
    typer.Option(
        "--verbose", "-v", metavar=FLAG, help="Also list each cell of a plan and log details.", rich_help_panel=FILES
    ),
]
DryRun = Annotated[
    bool,
    typer.Option(
        "--dry-run", metavar=FLAG, help="Print the plan with its time and memory, and stop.", rich_help_panel=FILES
    ),
]
