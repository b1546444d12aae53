"""Compare the splits of a network: the command ``mia-bench splits``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ..errors import UsageError
from ..evaluation.artifacts import Artifacts
from ..leaderboard.results_folder import board_path
from ..leaderboard.store import check_results_writable
from ..plan.cells import Setting
from ..plan.request import Request
from ..report.figures import check_installed
from ..runner.interruption import Interrupted, interruptible
from ..runner.options import RunOptions
from ..runner.result_warnings import log_warnings
from ..runner.resume import prepare
from ..runner.shown_run import compute
from ..selection.figure import drawing
from ..selection.table import SplitTable
from ..splits.choice import Limit, choose_line
from ..splits.lines import Deployment, Line
from ..utils.atomic_files import write_output
from ..utils.isolation import reproducible_state
from ..utils.texts import one_line, say, say_paragraph
from .console import print_lines
from .interruption import tell_interruption
from .output_names import require_suffix
from .split_progress import filling
from .split_table import frame_of, headline, refusals, texts_of
from .tables import print_frame

FIGURE_FORMATS = (".png", ".svg", ".pdf")


def require_one_network(suite: str | None, request: Request) -> None:
    """Raise if a request is not about one dataset and one network.

    Raises:
        UsageError: If it is about several, or names a suite.
    """
    if suite is not None:
        raise UsageError(f"Expected options of mia-bench splits, got {suite!r}. Name a model with --model.")
    for name in ("dataset", "model"):
        if len(getattr(request, name)) > 1:
            raise UsageError(f"Expected one {name} for mia-bench splits, got {len(getattr(request, name))}. Name one.")


@reproducible_state()
def compare_splits(
    request: Request,
    options: RunOptions,
    *,
    deployment: Deployment,
    limits: Sequence[Limit],
    notation: str,
    figure: Path | None,
    dry_run: bool,
    quiet: bool,
) -> int:
    """Run ``mia-bench splits``: print the costs, run the attacks, print everything and the choice.

    Args:
        request: One dataset, one model, its splits and defenses.
        options: Where and how to compute.
        deployment: The device, the network and the server.
        limits: The limits of the choice.
        notation: ``table``, ``csv``, ``json`` or ``markdown``.
        figure: Where to draw leak against cost; None for no figure.
        dry_run: Whether to stop after the costs and the finished cells.
        quiet: Whether to show no progress.

    Returns:
        The exit code: 0 when all is done, 1 when cells failed or no line meets the limits.
    """
    if figure is not None:
        require_suffix(figure, FIGURE_FORMATS, "--figure")
        check_installed()
    artifacts = Artifacts(device=options.torch_device, data_dir=options.data_dir)
    try:
        with interruptible():
            planned = prepare([request], options, artifacts)
            todo = not dry_run and not all(each.finished for each in planned)
            if todo:
                check_results_writable(options.out)
            known = [each.record for each in planned if each.record is not None]
            setting = planned[0].cell.setting
            table = SplitTable(planned, artifacts, deployment)
            lines, failed = table.lines(known), 0
            if todo:
                if notation == "table":
                    _print(setting, lines, deployment, notation)
                    say("")
                display = filling(table.lines, known)
                records = compute(planned, options, artifacts, quiet=quiet, display=display)
                lines, failed = table.lines(records), log_warnings(records)
    except Interrupted as error:
        return tell_interruption(error)
    best, why = choose_line(lines, limits) if limits else (None, "")
    lines = [replace(line, chosen=line is best) for line in lines]
    _print(setting, lines, deployment, notation)
    _tell(refusals(lines), notation)
    _tell([] if dry_run else [f"Wrote {board_path(options.out)}"], notation)
    _tell([f"Chosen: {why}" if best else why] if limits else [], notation)
    if figure is not None:
        _draw(lines, figure, notation)
    return 1 if failed or (limits and best is None) else 0


def _draw(lines: Sequence[Line], figure: Path, notation: str) -> None:
    drawn = drawing(lines, figure.suffix[1:])
    if drawn is None:
        raise UsageError(
            f"Expected finished cells for --figure {figure}, got none. Run the attacks, without --dry-run."
        )
    say(f"Wrote {write_output(figure, drawn)}", err=notation != "table")


def _print(setting: Setting, lines: Sequence[Line], deployment: Deployment, notation: str) -> None:
    if notation == "json":
        say(json.dumps([line.by_column() for line in lines], indent=1, allow_nan=False))
        return
    if notation != "table":
        print_frame(frame_of(lines), notation)
        return
    say_paragraph(headline(setting, deployment))
    say()
    texts = texts_of(lines)
    print_lines([str(name) for name in texts.columns], texts.to_numpy().tolist(), named_by=1 + ("defense" in texts))


def _tell(sentences: Sequence[str], notation: str) -> None:
    """Print sentences below the table, or on stderr if stdout is for a machine."""
    if sentences and notation == "table":
        say()
    for sentence in sentences:
        if notation == "table":
            say_paragraph(sentence)
        else:
            say(one_line(sentence), err=True)
