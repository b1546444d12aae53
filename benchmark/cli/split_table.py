"""The table of ``mia-bench splits``: its lines from the costs of the network and from finished cells."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, replace
from statistics import mean

import pandas as pd

from ..evaluation.artifacts import Artifacts
from ..leaderboard.store import Record
from ..plan.cells import Setting
from ..runner.resume import PlannedCell
from ..splits.expected import Spot
from ..splits.front import mark_pareto
from ..splits.lines import COLUMNS, Line, Place, baselines
from ..splits.measured import join
from ..splits.structure import count_cuts, encoded_bytes
from ..utils.texts import one_line
from .split_previews import preview, spot_of
from .tables import as_texts

ENCODED_IMAGES = 32
"""Private images whose mean size as files counts."""
FLOAT_BYTES = 4


class SplitTable:
    """The lines of a network in one place, with the costs counted once.

    Example:
        >>> SplitTable(planned, artifacts, place).lines([])  # doctest: +SKIP
    """

    def __init__(self, planned: Sequence[PlannedCell], artifacts: Artifacts, place: Place) -> None:
        """Count the costs of all settings.

        Args:
            planned: Cells of one dataset and one network, at least one.
            artifacts: Gives the network and the images.
            place: The device, the network and the server.
        """
        settings = list(dict.fromkeys(each.cell.setting for each in planned))
        first, self._place = settings[0], place
        self._every = count_cuts(
            artifacts.targets.structure(first.dataset, first.model), artifacts.facts(first.dataset).image_shape
        )
        wanted = {setting.split for setting in settings}
        self._cuts = [cut for cut in self._every if cut.split in wanted]
        self._cells: dict[Spot, list[str]] = {}
        for each in planned:
            self._cells.setdefault(spot_of(each.cell.setting), []).append(each.cell_id)
        self._down = FLOAT_BYTES * math.prod(artifacts.targets.output_shape(first.dataset, first.model))
        images = artifacts.pools(first.dataset).private.images[:ENCODED_IMAGES]
        self._encoded = {kind: encoded_bytes(images, kind) for kind in ("PNG", "JPEG")}
        self._sent = preview(settings, artifacts)

    def lines(self, records: Sequence[Record]) -> list[Line]:
        """Return a line for each cut and defense between the baselines, in the order of the network."""
        by_cell = {each.row.cell_id: each for each in records}
        known = {"bytes_down": self._down, "sent": self._sent, "network": self._every}
        middle = join(self._cuts, self._cells, by_cell, self._place, **known)
        *cloud, here = baselines(self._every, self._place, encoded=self._encoded, bytes_down=self._down)
        details = [(record.row.seed, record.details) for record in records]
        exact = {seed: each["utility_undefended"] for seed, each in details if "utility_undefended" in each}
        if exact:  # the file loses nothing in PNG, and the device runs the network as it is
            utility = mean(exact.values())  # one network for each seed
            cloud[0] = replace(cloud[0], utility=utility, psnr_db=100.0, ssim=1.0)
            here = replace(here, utility=utility)
        return mark_pareto([*cloud, *middle, here])


def frame_of(lines: Sequence[Line]) -> pd.DataFrame:
    """Return lines as a data frame with all columns."""
    return pd.DataFrame([asdict(line) for line in lines], columns=COLUMNS)


def texts_of(lines: Sequence[Line], columns: Sequence[str] = COLUMNS) -> pd.DataFrame:
    """Return lines as texts for people, without the columns that are empty, or the same for all defenses."""
    texts = as_texts(frame_of(lines))
    filled = [name for name in columns if set(texts[name].tolist()) != {""}]
    if set(texts["defense"].tolist()) == {"undefended"}:
        filled.remove("defense")
    return texts.loc[:, [name for name in filled if name != "reason"]]  # sentences stand below the table


def refusals(lines: Sequence[Line]) -> list[str]:
    """Return a sentence for each reason why lines are empty, with the splits and the defense.

    Example:
        >>> refusals([Line(split="fc3", defense="ckks", reason="Nothing is left to encrypt.")])
        ['ckks at fc3: Nothing is left to encrypt.']
    """
    found: dict[tuple[str, str], list[str]] = {}
    for line in lines:
        if line.reason:
            found.setdefault((line.defense, line.reason), []).append(line.split)
    return [f"{defense} at {', '.join(splits)}: {reason}" for (defense, reason), splits in found.items()]


def headline(setting: Setting, place: Place) -> str:
    """Return in one line what the table is about."""
    link = place.network
    return one_line(
        f"{setting.dataset.label} {setting.model.label}; modelled for a device of {place.device.gmacs_per_s:g} "
        f"GMAC/s, {link.uplink_mbit_per_s:g} Mbit/s up, {link.downlink_mbit_per_s:g} Mbit/s down, "
        f"{link.rtt_ms:g} ms per round, a server of {place.server.gmacs_per_s:g} GMAC/s"
    )
