"""The commands that choose where to cut a network, with their options."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from ...utils.texts import as_typed, say
from .. import completion
from . import run_options
from .shared import FLAG, example, hints_at_options_of

app = typer.Typer()
PANEL = "Choose a split"
WHERE, LIMITS = "Device and network", "Limits"


def _option(panel: str, text: str, metavar: str) -> Any:
    return typer.Option(help=text, metavar=metavar, show_default=False, rich_help_panel=panel)


@app.command(
    rich_help_panel=PANEL,
    epilog=example("mia-bench splits --model lenet5 --network lte --max-latency 100ms --dry-run"),
    context_settings={"ignore_unknown_options": True},
)
def splits(
    rest: run_options.Parameters = None,
    dataset: run_options.Dataset = None,
    model: run_options.Model = None,
    split: Annotated[
        list[str] | None,
        typer.Option(
            help="Cuts, or a pattern of them. Defaults to all.", metavar="LAYER", rich_help_panel=run_options.WHAT
        ),
    ] = None,
    attack: run_options.Attack = None,
    defense: Annotated[
        list[str] | None,
        typer.Option(
            help="Defenses, in addition to undefended.",
            metavar="NAME",
            rich_help_panel=run_options.WHAT,
            autocompletion=completion.of_kind("defenses"),
        ),
    ] = None,
    seed: run_options.Seed = None,
    images: run_options.Images = None,
    network: Annotated[str, _option(WHERE, "Network: 3g, lte, wifi or a file. Defaults to wifi.", "NAME")] = "wifi",
    device_profile: Annotated[
        str, _option(WHERE, "Device: phone, microcontroller or a file. Defaults to phone.", "NAME")
    ] = "phone",
    server_profile: Annotated[
        str, _option(WHERE, "Server: a profile or a file. Defaults to server.", "NAME")
    ] = "server",
    uplink: Annotated[str | None, _option(WHERE, "Rate from the device, such as 50Mbit.", "RATE")] = None,
    downlink: Annotated[str | None, _option(WHERE, "Rate to the device, such as 50Mbit.", "RATE")] = None,
    rtt: Annotated[str | None, _option(WHERE, "Time of a round trip, such as 20ms.", "TIME")] = None,
    device_gmacs: Annotated[
        float | None, _option(WHERE, "Speed of the device in 1e9 MACs per second.", "NUMBER")
    ] = None,
    max_latency: Annotated[str | None, _option(LIMITS, "Highest modelled latency, such as 100ms.", "TIME")] = None,
    max_energy: Annotated[
        str | None, _option(LIMITS, "Highest modelled energy of the device, such as 50mJ.", "ENERGY")
    ] = None,
    max_identified: Annotated[float | None, _option(LIMITS, "Largest share of identified images.", "0..1")] = None,
    min_utility: Annotated[
        float | None, _option(LIMITS, "Lowest utility, such as accuracy or R2, at most 1.", "NUMBER")
    ] = None,
    jobs: run_options.Jobs = None,
    device: run_options.Device = "auto",
    out: run_options.Out = Path("results"),
    data_dir: run_options.DataDir = None,
    format_: Annotated[
        Literal["table", "csv", "json", "markdown"],
        typer.Option(
            "--format", help="Output format. Defaults to table.", show_default=False, rich_help_panel=run_options.FILES
        ),
    ] = "table",
    figure: Annotated[
        Path | None,
        typer.Option(
            help="PNG, SVG or PDF of leak against cost. Requires the figures extra.",
            metavar="FILE",
            rich_help_panel=run_options.FILES,
        ),
    ] = None,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run",
            metavar=FLAG,
            help="Print costs and finished cells, and stop.",
            rich_help_panel=run_options.FILES,
        ),
    ] = False,
    quiet: run_options.Quiet = False,
) -> None:
    """Compare all splits of a network: cost, latency, energy, leak and utility.

    The costs follow from the network and are printed at once. Then the
    attacks run as in mia-bench run, into the same records. With limits, the
    command names the split that meets them and leaks least, or the limit
    that cannot be met.

    The column pareto marks the lines that no other line surely beats in leak
    (PSNR), latency, energy and utility. Differences of leak or utility
    within their 95 % interval do not count.
    """
    from ...runner.options import RunOptions
    from ...utils.stderr_logs import set_verbosity
    from ..component_options import parse_request
    from ..split_options import deployment_of, limits_of
    from ..splits import compare_splits, require_one_network

    set_verbosity(quiet=quiet, verbose=False)
    suite, request = parse_request(
        rest,
        dataset=dataset,
        model=model,
        split=split or ["all"],
        attacks=attack,
        defenses=defense or ["undefended"],
        seeds=seed,
        images=images,
    )
    require_one_network(suite, request)
    with hints_at_options_of(splits):
        code = compare_splits(
            request,
            RunOptions(out=out, data_dir=data_dir, device=device, jobs=jobs),
            deployment=deployment_of(
                network, device_profile, server_profile, uplink=uplink, downlink=downlink, rtt=rtt, gmacs=device_gmacs
            ),
            limits=limits_of(max_latency, max_energy, max_identified, min_utility),
            notation=format_,
            figure=figure,
            dry_run=dry_run,
            quiet=quiet,
        )
    raise typer.Exit(code)


@app.command(rich_help_panel=PANEL, epilog=example("mia-bench profile -o laptop.toml"))
def profile(
    out: Annotated[Path, typer.Option("--out", "-o", help="TOML file to write.", metavar="FILE")],
) -> None:
    """Measure the speed of this device for mia-bench splits.

    Layers of several types are timed on one CPU core at batch size 1.
    """
    from ..profile import write_profile

    command = as_typed("mia-bench", "splits", "--device-profile", out)
    say(f"Wrote {write_profile(out)}. Use it with: {command}")
