"""Compare the splits of a network: the command ``mia-bench splits``."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

import pandas as pd
import torch

from ..errors import UsageError
from ..evaluation.artifacts import Artifacts
from ..leaderboard.results_folder import board_path
from ..leaderboard.store import Record
from ..plan.request import Request
from ..registry.specs import UnknownOption
from ..runner.interruption import Interrupted, interruptible
from ..runner.options import RunOptions
from ..runner.resume import PlannedCell, prepare
from ..runner.run import compute, tell_doubts
from ..splits.choice import Limit, choose
from ..splits.lines import COLUMNS, Line, Place, baselines, mark_pareto
from ..splits.measured import join
from ..splits.structure import count_cuts, encoded_bytes
from ..utils.isolation import restored_state
from ..utils.texts import one_line, say
from .console import print_lines
from .interruptions import tell_interruption
from .tables import as_texts, print_frame

ENCODED_IMAGES = 32
"""Private images whose mean size as files counts."""
FLOAT_BYTES = 4


def one_network(suite: str | None, request: Request) -> None:
    """Check that a request is about one dataset and one network.

    Raises:
        UsageError: If it is not.
    """
    if suite is not None:
        raise UsageError(f"Expected options of mia-bench splits, got {suite!r}. Name a model with --model.")
    for name in ("dataset", "model"):
        if len(getattr(request, name)) > 1:
            raise UsageError(f"Expected one {name} for mia-bench splits, got {len(getattr(request, name))}. Name one.")


@restored_state()
def compare_splits(
    request: Request,
    options: RunOptions,
    *,
    place: Place,
    limits: Sequence[Limit],
    notation: str,
    own_options: Sequence[str],
    dry_run: bool,
    quiet: bool,
) -> int:
    """Run ``mia-bench splits``: print the costs, run the attacks, print everything and the choice.

    Args:
        request: One dataset, one model, its splits and defenses.
        options: Where and how to compute.
        place: The device, the network and the server.
        limits: The limits of the choice.
        notation: ``table``, ``csv`` or ``markdown``.
        own_options: The options of the command, one of which may be meant by an unknown one.
        dry_run: Whether to stop after the costs and the finished cells.
        quiet: Whether to show no progress.

    Returns:
        The exit code: 0 when all is done, 1 when cells failed or no line meets the limits.
    """
    torch.set_num_threads(1)
    artifacts = Artifacts(device=options.torch_device, data_dir=options.data_dir)
    try:
        with interruptible():
            planned = prepare([request], options, artifacts)
            known = [each.record for each in planned if each.record is not None]
            lines = _lines(planned, known, artifacts, place)
            failed = 0
            if not dry_run and not all(each.finished for each in planned):
                if notation == "table":
                    _print(planned, lines, place, notation)
                    say("")
                records = compute(planned, options, artifacts, quiet=quiet)
                lines, failed = _lines(planned, records, artifacts, place), tell_doubts(records)
    except UnknownOption as error:
        raise error.among(own_options) from error
    except Interrupted as error:
        return tell_interruption(error)
    _print(planned, lines, place, notation)
    if not dry_run:
        say(f"\nWrote {board_path(options.out)}", err=notation != "table")
    chosen = _tell_choice(lines, limits, notation) if limits else True
    return 1 if failed or not chosen else 0


def _lines(planned: Sequence[PlannedCell], records: Sequence[Record], artifacts: Artifacts, place: Place) -> list[Line]:
    settings = list(dict.fromkeys(each.cell.setting for each in planned))
    first, facts = settings[0], artifacts.facts(settings[0].dataset)
    every = count_cuts(artifacts.targets.structure(first.dataset, first.model), facts.image_shape)
    wanted = {setting.split for setting in settings}
    defenses = list(dict.fromkeys((each.defense.name, each.defense.component.params) for each in settings))
    images = artifacts.pools(first.dataset).private.images[:ENCODED_IMAGES]
    down = FLOAT_BYTES * math.prod(artifacts.targets.output_shape(first.dataset, first.model))
    cuts = [cut for cut in every if cut.split in wanted]
    middle = join(cuts, defenses, {each.row.cell_id: each for each in records}, place, bytes_down=down)
    encoded = {kind: encoded_bytes(images, kind) for kind in ("PNG", "JPEG")}
    *cloud, here = baselines(every, place, encoded=encoded, bytes_down=down)
    exact = [record.details["utility_undefended"] for record in records if "utility_undefended" in record.details]
    if exact:  # the file loses nothing in PNG, and the device runs the network as it is
        cloud[0] = replace(cloud[0], utility=exact[0], psnr_db=100.0, ssim=1.0)
        here = replace(here, utility=exact[0])
    return mark_pareto([*cloud, *middle, here])


def _print(planned: Sequence[PlannedCell], lines: Sequence[Line], place: Place, notation: str) -> None:
    frame = pd.DataFrame([asdict(line) for line in lines], columns=COLUMNS)
    if notation != "table":
        print_frame(frame, notation)
        return
    setting = planned[0].cell.setting
    link = place.network
    say(
        one_line(
            f"{setting.dataset.label} {setting.model.label}; modelled for a device of {place.device.gmacs_per_s:g} "
            f"GMAC/s, {link.uplink_mbit_per_s:g} Mbit/s up, {link.downlink_mbit_per_s:g} Mbit/s down, "
            f"{link.rtt_ms:g} ms per round, a server of {place.server.gmacs_per_s:g} GMAC/s"
        )
        + "\n"
    )
    whole: dict[str, Any] = {name: frame[name].astype("Int64") for name in ("client_params", "rounds", "bytes_down")}
    texts = as_texts(frame.assign(**whole))
    filled = [name for name in texts.columns if set(texts[name].tolist()) != {""}]
    if set(texts["defense"].tolist()) == {"undefended"}:
        filled.remove("defense")
    print_lines(filled, texts[filled].to_numpy().tolist(), named_by=1 + ("defense" in filled))


def _tell_choice(lines: Sequence[Line], limits: Sequence[Limit], notation: str) -> bool:
    best, why = choose(lines, limits)
    say(("\n" if notation == "table" else "") + (f"Chosen: {why}" if best else why), err=notation != "table")
    return best is not None
